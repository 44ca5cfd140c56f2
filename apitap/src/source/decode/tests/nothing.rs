use crate::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<private::NoFields>;

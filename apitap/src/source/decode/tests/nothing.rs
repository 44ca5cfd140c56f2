use crate::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            unread: private::Unread::beside(&["id", "name"]),
        }
    }
}
impl private::Record for Record {
    fn member(
        &mut self,
        key: &str,
        _row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        self.unread.skip(key, cursor)
    }
    fn each<V: private::Visit>(
        &mut self,
        _visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}

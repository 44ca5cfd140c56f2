//! `type: delta`.

use super::files::in_folder;

in_folder! {
    /// Tables of Delta Lake in a folder.
    Delta, spec DeltaSpec, kind "delta", also ["delta_lake", "deltalake"];
    /// How the columns are compressed.
    compression: ParquetCompression = Zstd
}

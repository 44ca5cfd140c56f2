//! `type: parquet`.

use super::files::in_folder;

in_folder! {
    /// Parquet files in a folder.
    Parquet, spec ParquetSpec, kind "parquet";
    /// How the columns are compressed.
    compression: ParquetCompression = Zstd
}

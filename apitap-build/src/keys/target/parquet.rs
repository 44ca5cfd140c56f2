//! `type: parquet`.

use super::Connects;
use super::files::{FILE_SIZE, ParquetCompression, folder, folder_of};
use crate::definition::{Compression, Connection, Folder, Template};
use crate::keys::declare::keys;
use crate::size::Size;

keys! {
    /// Parquet files in a folder.
    pub struct Parquet, spec ParquetSpec, kind "parquet" {
        /// The folder. Each table is a folder in it.
        path: Template = required("data").filled().rule(folder).example("${DATA_DIR:-data}"),
        /// About how large a file gets before the next one begins.
        file_size: Size = default(FILE_SIZE).brief().example("1GiB"),
        /// How the columns are compressed.
        compression: ParquetCompression = default(ParquetCompression::Zstd).brief(),
    }
}

impl Connects for Parquet {
    fn connection(self) -> Option<Connection> {
        let Self { path, file_size, compression } = self;
        Some(Connection::Folder(Folder { path, file_size, compression: compression.plain() }))
    }

    fn of(connection: &Connection) -> Self {
        let Folder { path, file_size, compression } = folder_of(connection, Compression::Zstd);
        Self { path, file_size, compression: ParquetCompression::of(compression) }
    }
}

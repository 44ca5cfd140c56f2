//! `type: csv`.

use super::Connects;
use super::files::{FILE_SIZE, TextCompression, folder, folder_of};
use crate::definition::{Compression, Connection, Folder, Template};
use crate::keys::declare::keys;
use crate::size::Size;

keys! {
    /// CSV files in a folder.
    pub struct Csv, spec CsvSpec, kind "csv" {
        /// The folder. Each table is a folder in it.
        path: Template = required("data").filled().rule(folder).example("${DATA_DIR:-data}"),
        /// About how large a file gets before the next one begins.
        file_size: Size = default(FILE_SIZE).brief().example("1GiB"),
        /// How the files are compressed.
        compression: TextCompression = default(TextCompression::None).brief(),
    }
}

impl Connects for Csv {
    fn connection(self) -> Option<Connection> {
        let Self { path, file_size, compression } = self;
        Some(Connection::Folder(Folder { path, file_size, compression: compression.plain() }))
    }

    fn of(connection: &Connection) -> Self {
        let Folder { path, file_size, compression } = folder_of(connection, Compression::None);
        Self { path, file_size, compression: TextCompression::of(compression) }
    }
}

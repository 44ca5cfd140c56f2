//! `type: csv`.

use super::files::in_folder;

in_folder! {
    /// CSV files in a folder.
    Csv, spec CsvSpec, kind "csv";
    /// How the files are compressed.
    compression: TextCompression = None
}

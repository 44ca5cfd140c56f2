//! `type: jsonl`.

use super::files::in_folder;

in_folder! {
    /// Files of JSON lines in a folder: one object a line.
    Jsonl, spec JsonlSpec, kind "jsonl", also ["ndjson", "json"];
    /// How the files are compressed.
    compression: TextCompression = None
}

//! What the types of target that write files into a folder have in common: all but what each is called,
//! and how its files are compressed.

use crate::codes;
use crate::definition::{Cloud, Compression, Connection, Folder, Template};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::keys::declare::{Mapping, choices};
use crate::keys::rules::{DatabaseUrl, database_url};
use crate::size::Size;

/// How large a file gets, about.
pub(super) const FILE_SIZE: Size = Size(128 << 20);

choices! {
    /// How the columns of a Parquet file are compressed.
    pub enum ParquetCompression {
        /// Small, and fast to read.
        Zstd = "zstd", also ["zst"];
        /// Larger, and faster to write.
        Snappy = "snappy";
        /// Not at all.
        None = "none", also ["uncompressed"];
    }
}

choices! {
    /// How a file of text is compressed.
    pub enum TextCompression {
        /// Not at all.
        None = "none", also ["uncompressed"];
        /// As `.gz`, which everything reads.
        Gzip = "gzip", also ["gz"];
        /// As `.zst`: smaller, and faster.
        Zstd = "zstd", also ["zst"];
    }
}

impl ParquetCompression {
    pub(super) fn plain(self) -> Compression {
        match self {
            Self::Zstd => Compression::Zstd,
            Self::Snappy => Compression::Snappy,
            Self::None => Compression::None,
        }
    }

    pub(super) fn of(compression: Compression) -> Self {
        match compression {
            Compression::Zstd | Compression::Gzip => Self::Zstd,
            Compression::Snappy => Self::Snappy,
            Compression::None => Self::None,
        }
    }
}

impl TextCompression {
    pub(super) fn plain(self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
        }
    }

    pub(super) fn of(compression: Compression) -> Self {
        match compression {
            Compression::None | Compression::Snappy => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// Declares such a type: its name and documentation, and the compressions that its files may have.
macro_rules! in_folder {
    (
        $(#[doc = $doc:literal])*
        $name:ident, spec $spec:ident, kind $kind:literal $(, also [$($also:literal),*])?;
        $(#[doc = $compression_doc:literal])*
        compression: $compression:ident = $usual:ident
    ) => {
        use $crate::definition::{Azure, Cloud, Connection, Folder, Gcs, S3, Template};
        use $crate::keys::declare::{Mapping, keys};
        use $crate::keys::target::Connects;
        use $crate::keys::target::files::{
            $compression, FILE_SIZE, folder, folder_of, store_of_path,
        };
        use $crate::size::Size;

        keys! {
            $(#[doc = $doc])*
            pub struct $name, spec $spec, kind $kind $(, also [$($also),*])? {
                /// The folder, or its URL in an object store. Each table is a folder in it.
                path: Template = required("${DATA_DIR:-data}")
                    .filled()
                    .rule(folder)
                    .example("data")
                    .example("s3://bucket/folder"),
                /// About how large a file gets before the next one begins.
                file_size: Size = default(FILE_SIZE).brief().example("1GiB"),
                $(#[doc = $compression_doc])*
                compression: $compression = default($compression::$usual).brief(),
                /// How to reach `s3://…`.
                s3: Option<S3> = optional().example("{region: eu-central-1}"),
                /// How to reach `gs://…`.
                gcs: Option<Gcs> =
                    optional().example("{service_account: \"${GOOGLE_SERVICE_ACCOUNT}\"}"),
                /// How to reach `az://…` and `abfss://…`.
                azure: Option<Azure> =
                    optional().example("{account_name: \"${AZURE_STORAGE_ACCOUNT_NAME}\"}"),
            }
            check: store;
        }

        fn store(spec: &$spec, mapping: &mut Mapping<'_, '_>) -> bool {
            store_of_path(&spec.path, mapping)
        }

        impl Connects for $name {
            fn connection(self) -> Option<Connection> {
                let Self { path, file_size, compression, s3, gcs, azure } = self;
                let (compression, cloud) = (compression.plain(), Box::new(Cloud { s3, gcs, azure }));
                Some(Connection::Folder(Folder { path, file_size, compression, cloud }))
            }

            fn of(connection: &Connection) -> Self {
                let Folder { path, file_size, compression, cloud } =
                    folder_of(connection, $compression::$usual.plain());
                let Cloud { s3, gcs, azure } = *cloud;
                let compression = $compression::of(compression);
                Self { path, file_size, compression, s3, gcs, azure }
            }
        }
    };
}

pub(super) use in_folder;

/// The path of a folder, or its URL in an object store; `${NAME}` may stand anywhere in it.
pub(super) fn folder(written: &Spanned<String>, findings: &mut Findings) -> bool {
    const FOLDER: DatabaseUrl = DatabaseUrl {
        what: "file",
        schemes: Cloud::SCHEMES,
        path: true,
        example: "data/warehouse` or `s3://bucket/folder",
        parameters: None,
    };
    database_url(&FOLDER, written, findings)
}

/// The keys of an object store, each of which goes with the `path` of that one only.
pub(super) fn store_of_path(path: &Spanned<Template>, mapping: &mut Mapping<'_, '_>) -> bool {
    let text = path.value.0.trim();
    // What a variable will hold is not known.
    if text.starts_with("${") {
        return true;
    }
    let mut well = true;
    for (key, url) in [("s3", "s3://…"), ("gcs", "gs://…"), ("azure", "az://…")] {
        let Some(place) = mapping.key_place(key).filter(|_| Cloud::key_of(text) != Some(key))
        else {
            continue;
        };
        let message = format!("`{key}` does nothing without a `path` of that object store");
        mapping.findings.push(
            Finding::error(codes::USELESS_KEY, message, place)
                .related(&path.place, "the files are written here")
                .help(format!("remove `{key}`, or write `path: {url}`")),
        );
        well = false;
    }
    well
}

/// The folder of a connection, whichever way that was said.
pub(super) fn folder_of(connection: &Connection, compression: Compression) -> Folder {
    let path = |path: &Template| Folder {
        path: path.clone(),
        file_size: FILE_SIZE,
        compression,
        cloud: Box::default(),
    };
    match connection {
        Connection::Folder(folder) => folder.clone(),
        other => path(other.place()),
    }
}

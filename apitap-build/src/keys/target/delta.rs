//! `type: delta`.

use super::Connects;
use super::files::{FILE_SIZE, ParquetCompression, folder, folder_of, store_of_path};
use crate::definition::{Azure, Cloud, Compression, Connection, Folder, Gcs, S3, Template};
use crate::keys::declare::{Mapping, keys};
use crate::size::Size;

keys! {
    /// Tables of Delta Lake in a folder.
    pub struct Delta, spec DeltaSpec, kind "delta", also ["delta_lake", "deltalake"] {
        /// The folder, or its URL in an object store. Each table is a folder in it.
        path: Template = required("${DATA_DIR:-data}")
            .filled()
            .rule(folder)
            .example("data")
            .example("s3://bucket/folder"),
        /// About how large a file gets before the next one begins.
        file_size: Size = default(FILE_SIZE).brief().example("1GiB"),
        /// How the columns are compressed.
        compression: ParquetCompression = default(ParquetCompression::Zstd).brief(),
        /// How to reach `s3://…`.
        s3: Option<S3> = optional().example("{region: eu-central-1}"),
        /// How to reach `gs://…`.
        gcs: Option<Gcs> = optional().example("{service_account: \"${GOOGLE_SERVICE_ACCOUNT}\"}"),
        /// How to reach `az://…` and `abfss://…`.
        azure: Option<Azure> = optional().example("{account_name: \"${AZURE_STORAGE_ACCOUNT_NAME}\"}"),
    }
    check: store;
}

fn store(spec: &DeltaSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    store_of_path(&spec.path, mapping)
}

impl Connects for Delta {
    fn connection(self) -> Option<Connection> {
        let Self { path, file_size, compression, s3, gcs, azure } = self;
        let (compression, cloud) = (compression.plain(), Box::new(Cloud { s3, gcs, azure }));
        Some(Connection::Folder(Folder { path, file_size, compression, cloud }))
    }

    fn of(connection: &Connection) -> Self {
        let Folder { path, file_size, compression, cloud } =
            folder_of(connection, Compression::Zstd);
        let Cloud { s3, gcs, azure } = *cloud;
        let compression = ParquetCompression::of(compression);
        Self { path, file_size, compression, s3, gcs, azure }
    }
}

//! A bucket → its client, which speaks through the connections of this process.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, Result as StoreResult, RetryConfig,
};

use super::answer::failed;
use crate::Result;
use crate::sink::files::bucket::{Bucket, Provider};
use crate::source::request::client::Client;

/// How long to wait for a connection to the store.
const CONNECT: Duration = Duration::from_secs(30);
/// The same for the service of a machine that lends it a role: where there is none, nobody answers.
const CONNECT_METADATA: Duration = Duration::from_secs(1);

/// What is asked of an object store.
pub(super) trait Objects: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Objects for T {}

/// The client of a bucket. Nothing is requested yet.
///
/// # Errors
/// The keys or the variables make no client.
pub(super) fn connect(bucket: &Bucket) -> Result<Arc<dyn Objects>> {
    let Bucket { provider, url, options, .. } = bucket;
    let connections = Connections {
        usual: Client::of_stores(CONNECT)?,
        metadata: Client::of_stores(CONNECT_METADATA)?,
    };
    // What is not known there is a variable of other tools.
    macro_rules! built {
        ($builder:ty) => {{
            let mut builder = <$builder>::new()
                .with_url(url)
                .with_client_options(ClientOptions::new().with_connect_timeout(CONNECT))
                .with_http_connector(connections)
                .with_retry(retry());
            for (name, value) in options {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            builder.build().map(|client| Arc::new(client) as Arc<dyn Objects>)
        }};
    }
    let client = match provider {
        Provider::S3 => built!(AmazonS3Builder),
        Provider::Gcs => built!(GoogleCloudStorageBuilder),
        Provider::Azure => built!(MicrosoftAzureBuilder),
    };
    client.map_err(|error| failed("reach", url, &error))
}

/// Sixteen seconds of patience, in ever longer waits.
fn retry() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(250),
        max_backoff: Duration::from_secs(8),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 6, retry_timeout: Duration::from_secs(180) }
}

/// The connections that all stores of this process share.
#[derive(Debug)]
struct Connections {
    usual: reqwest::Client,
    metadata: reqwest::Client,
}

impl HttpConnector for Connections {
    fn connect(&self, options: &ClientOptions) -> StoreResult<HttpClient> {
        let key = ClientConfigKey::ConnectTimeout;
        let usual = ClientOptions::new().with_connect_timeout(CONNECT);
        let is_usual = options.get_config_value(&key) == usual.get_config_value(&key);
        Ok(HttpClient::new(if is_usual { self.usual.clone() } else { self.metadata.clone() }))
    }
}

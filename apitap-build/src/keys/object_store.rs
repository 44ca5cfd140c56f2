//! `s3`, `gcs` and `azure` of a target of files: how to reach the object store of its `path`.
//!
//! What no key says is taken from the variables that the tools of that cloud read, when a run begins.

use super::declare::keys;
use crate::definition::Template;

keys! {
    /// Amazon S3, and servers that speak its protocol. What is left out is taken from `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and the other variables of AWS, else
    /// from the machine's role.
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    pub struct S3, spec S3Spec {
        /// The region of the bucket.
        region: Option<Template> = optional().filled().example("eu-central-1"),
        /// The server, where it is not that of Amazon.
        endpoint: Option<Template> = optional().filled().example("https://minio.example.com"),
        /// Which key signs the requests.
        access_key_id: Option<Template> = optional().filled().example("${AWS_ACCESS_KEY_ID}"),
        /// The secret of that key.
        secret_access_key: Option<Template> = optional()
            .filled()
            .example("${AWS_SECRET_ACCESS_KEY}")
            .secret("the secret key", "${AWS_SECRET_ACCESS_KEY}"),
        /// The token of a key that holds for some hours only.
        session_token: Option<Template> = optional()
            .filled()
            .example("${AWS_SESSION_TOKEN}")
            .secret("the session token", "${AWS_SESSION_TOKEN}"),
        /// Whether an `endpoint` on another machine may be one without TLS.
        allow_http: bool = default(false).brief(),
    }
}

keys! {
    /// Google Cloud Storage. What is left out is taken from `GOOGLE_SERVICE_ACCOUNT`,
    /// `GOOGLE_APPLICATION_CREDENTIALS` and the other variables of Google, else from the machine's account.
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    pub struct Gcs, spec GcsSpec {
        /// The file of a service account's key, as JSON.
        service_account: Option<Template> = optional().filled().example("${GOOGLE_SERVICE_ACCOUNT}"),
        /// What such a file holds, in place of the file.
        service_account_key: Option<Template> = optional()
            .filled()
            .example("${GOOGLE_SERVICE_ACCOUNT_KEY}")
            .secret("the key of the service account", "${GOOGLE_SERVICE_ACCOUNT_KEY}"),
        /// The server, where it is not that of Google.
        endpoint: Option<Template> = optional().filled().example("https://gcs.example.com"),
        /// Whether an `endpoint` on another machine may be one without TLS.
        allow_http: bool = default(false).brief(),
    }
}

keys! {
    /// Azure Blob Storage. What is left out is taken from `AZURE_STORAGE_ACCOUNT_NAME`,
    /// `AZURE_STORAGE_ACCOUNT_KEY` and the other variables of Azure, else from the machine's identity.
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    pub struct Azure, spec AzureSpec {
        /// The storage account, where `path` does not name it.
        account_name: Option<Template> = optional().filled().example("${AZURE_STORAGE_ACCOUNT_NAME}"),
        /// The key of the account.
        account_key: Option<Template> = optional()
            .filled()
            .example("${AZURE_STORAGE_ACCOUNT_KEY}")
            .secret("the account's key", "${AZURE_STORAGE_ACCOUNT_KEY}"),
        /// A shared access signature, in place of the key.
        sas_token: Option<Template> = optional()
            .filled()
            .example("${AZURE_STORAGE_SAS_TOKEN}")
            .secret("the shared access signature", "${AZURE_STORAGE_SAS_TOKEN}"),
        /// The tenant of an application that signs in.
        tenant_id: Option<Template> = optional().filled().example("${AZURE_TENANT_ID}"),
        /// That application.
        client_id: Option<Template> = optional().filled().example("${AZURE_CLIENT_ID}"),
        /// Its secret.
        client_secret: Option<Template> = optional()
            .filled()
            .example("${AZURE_CLIENT_SECRET}")
            .secret("the application's secret", "${AZURE_CLIENT_SECRET}"),
        /// The server, where it is not that of Azure.
        endpoint: Option<Template> = optional().filled().example("https://azurite.example.com/account"),
        /// Whether an `endpoint` on another machine may be one without TLS.
        allow_http: bool = default(false).brief(),
    }
}

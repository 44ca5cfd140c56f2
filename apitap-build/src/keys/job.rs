//! `job`: an API that prepares what it sends: a job is created, asked for until it is done, and then its
//! result is read.

use std::time::Duration;

use super::declare::keys;
#[cfg(feature = "compiler")]
use super::rules;
use crate::definition::{Body, Condition, Method, Pointer, Template};

/// The first wait, where nothing is said.
#[cfg(feature = "compiler")]
const EVERY: Duration = Duration::from_secs(1);

/// How long a job may take, where nothing is said.
#[cfg(feature = "compiler")]
const DEADLINE: Duration = Duration::from_secs(60 * 60);

keys! {
    /// A request about a job; it has the source's headers and credentials.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct JobRequest, spec JobRequestSpec {
        /// Where it is sent; one that begins with `/` is on the source's own server.
        url: Template = required("/jobs").filled().rule(rules::reference).expressions(),
        /// How it is sent; `POST` if absent where there is a `body`, else `GET`.
        method: Option<Method> = optional().example("POST"),
        /// What is sent.
        body: Option<Body> = optional().example("{json: {query: \"SELECT Id FROM Account\"}}"),
    }
}

keys! {
    /// A job that the API does before there is anything to read. Then the source is requested as it says; `{job}` in its `url` is the job's id.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Job, spec JobSpec {
        /// The request that creates it.
        create: JobRequest = required("{url: /jobs, body: {json: {query: \"SELECT Id FROM Account\"}}}"),
        /// Where the answer of `create` holds the job's id, which is `{job}` in what follows.
        id_path: Pointer = default(Pointer("/id".to_owned())).brief().filled().example("/data/id"),
        /// The request that asks how it is.
        poll: JobRequest = required("{url: \"/jobs/{job}\"}"),
        /// How long to wait before it is asked for the first time; each further wait is half as long again, up to a minute.
        every: Duration = default(EVERY).brief().example("5s"),
        /// When it is done: an expression over the answer of `poll`.
        done_when: Condition = required("body(\"/state\") == \"done\""),
        /// When it has failed: an expression over the answer of `poll`.
        failed_when: Option<Condition> = optional().example("body(\"/state\") == \"failed\""),
        /// How long it may take.
        deadline: Duration = default(DEADLINE).brief().example("2h"),
        /// Where the last answer of `poll` holds the address of the file, or those of several; `*` stands for every element. The source's own `url` is requested if absent.
        download: Option<Pointer> = optional().filled().example("/files/*/url"),
    }
}

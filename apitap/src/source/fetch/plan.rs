//! A source → all that its fetch depends on, with the environment's values in it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::Result;
use crate::definition::{PageNumber, PageOnly, Pagination, Retry, RustRole, Source};
use crate::environment::Environment;
use crate::schema::Schema;
use crate::source::body::Layout;
use crate::source::custom::{Prepared, RustType};
use crate::source::filters::{Parameter, Stretch};
use crate::source::job::{self, JobPlan};
use crate::source::pagination::{PaginationPlan, Position};
use crate::source::partition::PartitionPlan;
use crate::source::request::Target;
use crate::source::request::auth::{Credentials, Signer};
use crate::source::request::expression::{Scope, Value};
use crate::source::request::plan::{JobRequestPlan, RequestPlan};
use crate::source::request::variables::Variables;

/// The names of which each page has another value.
const CURSOR: &str = "cursor";
const PAGE: &str = "page";

fn whole(number: u64) -> Option<Value> {
    Some(match i64::try_from(number) {
        Ok(number) => Value::Integer(number),
        Err(_) => Value::Text(number.to_string()),
    })
}

/// What a fetch depends on; nothing was requested yet.
///
/// Two are equal where their fetches are the same, whatever their sources are called: one fetch does
/// for both.
#[derive(Clone)]
pub(crate) struct FetchPlan {
    name: String,
    /// What a record is declared to be; `None` where that is inferred.
    schema: Option<Schema>,
    same: Same,
    /// What the names in its texts stand for; the same for all sources of a run.
    scope: Scope,
    params: Vec<(String, String)>,
    /// Whether the text of each body is kept.
    text: bool,
    /// Whether it is asked for a job, and not for records.
    of_job: bool,
    /// Whether each request is sent once, to see whether it is answered.
    once: bool,
    /// The variables behind its keys.
    variables: Variables,
}

/// What decides whether two fetches are the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    request: RequestPlan,
    credentials: Option<Credentials>,
    layout: Layout,
    /// Where records go that do not fit this schema.
    dead_letters: Option<(PathBuf, Schema)>,
    pagination: PaginationPlan,
    retry: Retry,
    timeout: Duration,
    partitions: PartitionPlan,
    job: Option<JobPlan>,
}

impl FetchPlan {
    /// Puts the environment's values into a source's texts; `types` are those of the program that it
    /// may name, which was checked before.
    ///
    /// What is missing is in the environment's [`check`](Environment::check); what cannot be requested
    /// is in [`FetchPlan::check`].
    pub(crate) fn resolve(
        source: &Source,
        types: &[RustType],
        environment: &mut Environment,
    ) -> Self {
        let credentials = |environment: &mut Environment| {
            let auth = source.auth.as_ref()?;
            let custom = Prepared::resolve(source, RustRole::Authenticate, types, environment);
            Some(Credentials::resolve(auth, custom, source.tls.as_ref(), environment))
        };
        let (variables, credentials) = Variables::of(source, environment, credentials);
        let pagination = match &source.pagination {
            Pagination::Custom(_) => PaginationPlan::Custom(Prepared::resolve(
                source,
                RustRole::Paginate,
                types,
                environment,
            )),
            kind => PaginationPlan::Kind(kind.clone()),
        };
        let file = source.dead_letters.as_ref();
        let file: Option<PathBuf> = file.map(|file| environment.text(file).into());
        // What a record takes from its parent is in no body.
        let schema = source.schema.as_ref().map(|schema| {
            let fields = schema.fields.iter();
            Schema { fields: fields.filter(|f| !source.carried.contains(f)).cloned().collect() }
        });
        let dead_letters = file.zip(schema.clone());
        let same = Same {
            request: RequestPlan::resolve(source, environment),
            credentials,
            layout: Layout::of(source),
            dead_letters,
            pagination,
            retry: source.retry,
            timeout: source.timeout,
            partitions: PartitionPlan::default(),
            job: source.job.as_ref().map(|job| JobPlan::resolve(job, environment)),
        };
        let scope = Scope::default().with("now", Some(Value::Timestamp(environment.now())));
        let scope = match &source.pagination {
            Pagination::Cursor(_) => scope.with(CURSOR, None),
            Pagination::PageNumber(PageNumber { first_page, .. })
            | Pagination::PageOnly(PageOnly { first_page, .. }) => {
                scope.with(PAGE, whole(*first_page))
            }
            _ => scope,
        };
        Self {
            name: source.name.clone(),
            schema,
            same,
            scope,
            params: Vec::new(),
            text: false,
            of_job: false,
            once: false,
            variables,
        }
    }

    /// The same for each of what the source's `for_each` says; `parents` are the plans of the sources
    /// that it names, in order.
    #[must_use]
    pub(crate) fn for_each(
        mut self,
        source: &Source,
        parents: &[Arc<Self>],
        environment: &mut Environment,
    ) -> Self {
        let uses = |name: &str| self.uses(name);
        self.same.partitions = PartitionPlan::new(source, parents, uses, environment);
        self
    }

    /// The same with parameters that a query's conditions set, and for records of a time only.
    #[must_use]
    pub(crate) fn narrowed(mut self, sent: &[Parameter], wanted: Stretch) -> Self {
        self.same.request.ask_for(sent);
        self.same.partitions.narrow(wanted);
        self
    }

    /// The same with other values of the names in its texts, and further query parameters.
    #[must_use]
    pub(in crate::source) fn in_partition(
        &self,
        scope: Scope,
        params: Vec<(String, String)>,
    ) -> Self {
        Self { scope, params, ..self.clone() }
    }

    /// Whether a text of its requests, or of those about its job, uses a name.
    fn uses(&self, name: &str) -> bool {
        let job = self.same.job.as_ref();
        self.same.request.uses(&[name]) || job.is_some_and(|job| job.uses(name))
    }

    /// Whether its texts differ from page to page.
    pub(in crate::source) fn differs_by_page(&self) -> bool {
        self.same.request.uses(&[CURSOR, PAGE])
    }

    /// What the names in its texts stand for in the request of a place.
    pub(in crate::source) fn scope_at(&self, place: &Position) -> Scope {
        let scope = self.scope.clone();
        match place {
            Position::Number(number) => scope.with(PAGE, whole(*number)),
            Position::Cursor(cursor) => scope.with(CURSOR, Some(Value::Text(cursor.clone()))),
            Position::Url(_) => scope,
        }
    }

    /// Query parameters of the partition, behind those of the request.
    pub(in crate::source) fn params(&self) -> &[(String, String)] {
        &self.params
    }

    /// Whether requests can be made of it: a proper URL, and values that fit into their headers.
    ///
    /// # Errors
    /// A config error that names the source and the value's place, never the value.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_all().map_err(|error| self.variables.tell(error))
    }

    fn check_all(&self) -> Result<()> {
        self.same.partitions.start()?;
        let probe = self.same.partitions.probe(&self.scope);
        let probe = match &self.same.job {
            Some(job) => {
                job.check(self, &probe)?;
                job::with_id(&probe, "1")
            }
            None => probe,
        };
        self.with_scope(probe).check_target()?;
        self.same.request.check()?;
        self.same.pagination.paginator(&self.same.layout.data_path).map(drop)
    }

    /// Whether its requests can be made with the values that its names have.
    ///
    /// # Errors
    /// As those of [`FetchPlan::check`].
    pub(in crate::source) fn check_target(&self) -> Result<()> {
        Target::new(self).map(drop)
    }

    /// The same with other values of the names in its texts.
    #[must_use]
    pub(in crate::source) fn with_scope(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// What the API does before there is anything to request.
    pub(in crate::source) fn job(&self) -> Option<&JobPlan> {
        self.same.job.as_ref()
    }

    /// A request about the job, with these values of the names in its texts.
    ///
    /// # Errors
    /// Its URL is none.
    pub(in crate::source) fn of_job(&self, job: &JobRequestPlan, scope: &Scope) -> Result<Self> {
        let mut plan = self.with_scope(scope.clone());
        let base = job::with_id(scope, "1");
        plan.same.request = self.same.request.of_job(&self.name, job, scope, &base)?;
        plan.same.layout = Layout { allow_empty: true, ..Layout::default() };
        plan.same.dead_letters = None;
        Ok(Self { params: Vec::new(), schema: None, text: true, of_job: true, ..plan })
    }

    /// The file at an address, which is of the source's own server or of another one: credentials go to
    /// the source's own only.
    #[must_use]
    pub(in crate::source) fn of_file(&self, address: &Url) -> Self {
        let mut plan = self.clone();
        plan.same.request.without_body();
        plan.same.pagination = PaginationPlan::File(address.to_string());
        plan
    }

    /// Whether it is asked for a job, and not for records.
    pub(in crate::source) fn is_of_job(&self) -> bool {
        self.of_job
    }

    /// The variables behind its keys.
    pub(in crate::source) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The source's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether what it requests is prepared anew for each run.
    pub(crate) fn is_prepared(&self) -> bool {
        self.job().is_some()
    }

    /// Where its requests are sent: the URL up to its first expression.
    pub(crate) fn place(&self) -> String {
        self.same.request.place()
    }

    /// The same with each request sent once: a failure is not tried again.
    pub(crate) fn once(&self) -> Self {
        let mut once = Self { once: true, ..self.clone() };
        once.same.retry.max_attempts = 1;
        once
    }

    pub(in crate::source) fn is_once(&self) -> bool {
        self.once
    }

    /// The same with the text of each body kept: [`Page::text`](crate::source::page::Page::text).
    #[cfg(feature = "cli")]
    pub(crate) fn with_text(self) -> Self {
        Self { text: true, ..self }
    }

    pub(in crate::source) fn text(&self) -> bool {
        self.text
    }

    /// Whether a page is wanted to be looked at, whatever follows it.
    pub(in crate::source) fn is_sample(&self) -> bool {
        self.text && !self.of_job
    }

    /// What a record is declared to be; `None` where that is inferred.
    pub(in crate::source) fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    pub(in crate::source) fn request(&self) -> &RequestPlan {
        &self.same.request
    }

    pub(in crate::source) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(in crate::source) fn signer(&self) -> Result<Option<Arc<Signer>>> {
        let credentials = self.same.credentials.as_ref();
        credentials.map(|credentials| Signer::of(credentials, &self.name)).transpose()
    }

    pub(in crate::source) fn layout(&self) -> &Layout {
        &self.same.layout
    }

    /// Where records go that do not fit this schema; `None` where they are errors.
    pub(in crate::source) fn dead_letters(&self) -> Option<&(PathBuf, Schema)> {
        self.same.dead_letters.as_ref()
    }

    /// Where records go that do not fit.
    pub(crate) fn dead_letters_file(&self) -> Option<&Path> {
        self.dead_letters().map(|(file, _)| file.as_path())
    }

    pub(in crate::source) fn pagination(&self) -> &PaginationPlan {
        &self.same.pagination
    }

    pub(crate) fn partitions(&self) -> &PartitionPlan {
        &self.same.partitions
    }

    pub(in crate::source) fn retry(&self) -> Retry {
        self.same.retry
    }

    pub(in crate::source) fn timeout(&self) -> Duration {
        self.same.timeout
    }
}

impl PartialEq for FetchPlan {
    fn eq(&self, other: &Self) -> bool {
        self.same == other.same
    }
}

impl Eq for FetchPlan {}

impl Hash for FetchPlan {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.same.hash(state);
    }
}

impl fmt::Debug for FetchPlan {
    /// The name only: the rest holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchPlan").field("name", &self.name).finish_non_exhaustive()
    }
}

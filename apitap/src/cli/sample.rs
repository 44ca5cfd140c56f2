//! `apitap sample SOURCE`: the first page of a live API → a file that its schema can be read from.
//!
//! The page is requested as a run would request it. What is written keeps the page's envelope, so that
//! `data_path` and `cursor_path` can be checked against it, and no secret that is known; of its records it keeps
//! some, which show what all of them show.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use apitap_build::definition::{self, Source};
use apitap_build::nearest::did_you_mean;
use apitap_build::project::{Sources, read_sources};
use apitap_build::schema::Schema;
use apitap_build::schema::inference::Inference;
use clap::Args;
use futures::{StreamExt as _, stream};

use super::findings;
use super::text::rewrite;
use crate::commands::options::number;
use crate::commands::output::{self, WARNING, styled, usage};
use crate::commands::{Format, Options};
use crate::engine::limits::{Limits, Memory};
use crate::environment::Environment;
use crate::source::body::{self, Layout, Shape, Unread, Wanted};
use crate::source::fetch::{Driver, FetchPlan};
use crate::source::page::Page;
use crate::source::partition;
use crate::source::request::client::Client;
use crate::{Error, Result};

/// A larger file would be refused when it is read again.
const LARGEST: usize = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The source's name in the YAML file
    source: String,
    /// The file to write [default: samples/SOURCE.json beside the YAML file]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many records to keep, beside those that show more
    #[arg(long, value_name = "N", default_value = "20", value_parser = number)]
    limit: u64,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Takes a sample, and prints the schema that it shows.
pub(super) fn run(arguments: &Arguments, yaml: &Path, options: &Options) -> ExitCode {
    let declared = read_sources(Path::new(""), yaml);
    let Some(source) = declared.sources.iter().find(|s| s.name == arguments.source) else {
        return unknown(&declared, &arguments.source);
    };
    let folder = yaml.parent().unwrap_or(Path::new(""));
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| folder.join("samples").join(file_name(&source.name, source.format)));
    if !arguments.force && output.exists() {
        return usage(&format!("`{}` is there already; `--force` replaces it", output.display()));
    }
    let environment = match options.environment() {
        Ok(environment) => environment,
        Err(message) => return usage(&message),
    };
    let runtime = match crate::blocking::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return usage(&error.to_string()),
    };
    let taken = runtime.block_on(async {
        let sample = fetch(source, arguments.limit, environment).await?;
        let shown = shown(&sample, source).await?;
        write(&output, &sample.text, arguments.force)?;
        Ok(shown)
    });
    match taken {
        Ok(shown) => print(&shown, &output, folder, options.format),
        Err(error) => output::failed(error),
    }
}

/// A source that is not there, or that the YAML file does not declare well.
fn unknown(declared: &Sources, name: &str) -> ExitCode {
    findings::print(&declared.files, &declared.findings);
    let known = declared.sources.iter().map(|source| source.name.as_str());
    usage(&format!("there is no source `{name}`\nhelp: {}", did_you_mean("source", name, known)))
}

/// A name of a source may have characters that a file's name better has not.
fn file_name(source: &str, format: definition::Format) -> String {
    let name: String =
        source.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let ending = if format == definition::Format::Jsonl { "jsonl" } else { "json" };
    format!("{name}.{ending}")
}

/// What is kept of a page.
struct Sample {
    text: String,
    /// How many records the page has.
    all: u64,
}

/// The first page with records, with `limit` of them and those that show more, without secrets.
async fn fetch(source: &Source, limit: u64, mut environment: Environment) -> Result<Sample> {
    if let Some((_, custom)) = source.rust_types().next() {
        return Err(crate::pipeline::not_here(&format!("the type `{}`", custom.path)));
    }
    let rewritten = match source.format {
        definition::Format::Csv => Some("`format: csv`"),
        definition::Format::Json | definition::Format::Jsonl => {
            source.key_as.as_ref().map(|_| "`key_as`")
        }
    };
    if let Some(key) = rewritten {
        return Err(Error::config(format!("a source with {key} cannot be sampled"))
            .help("write its fields into the YAML file: `schema: {id: int64!, …}`"));
    }
    if let Some(entry) = source.for_each.first() {
        let message = format!("`{}` is requested for each `{}`", source.name, entry.alias());
        return Err(Error::config(message).help(
            "take the sample from a source of its own, whose `url` has one of them written out",
        ));
    }
    environment.now_for(format!("source `{}`", source.name));
    let plan = FetchPlan::resolve(source, &[], &mut environment);
    let plan = plan.for_each(source, &[], &mut environment).with_text();
    environment.check()?;
    plan.check()?;
    let secrets = environment.secrets();
    let client = Client::of_process()?;
    let limits = Limits::of(Memory::of(&environment)?, 1);
    let (fetched, secrets_of_run) = (Default::default(), secrets.clone());
    let driver = Driver {
        client,
        secrets: secrets_of_run,
        fetched,
        left_out: Default::default(),
        limits,
        in_step: true,
    };
    let mut pages = partition::pages(driver, &Arc::new(plan), Vec::new(), None, None);
    let Some(page) = pages.next().await.transpose()? else {
        return Err(Error::data("the API has no records, so that there is nothing to see")
            .help("check `url` and `query_params`; or write the fields into the YAML file"));
    };
    let Sample { text, all } = cut(&page, limit, source.format).await?;
    let text = rewrite(&text, &secrets);
    if text.len() > LARGEST {
        let message = format!("the sample has {} bytes, which is too many to keep", text.len());
        return Err(Error::data(message).help("keep fewer records: `--limit 5`"));
    }
    Ok(Sample { text, all })
}

/// The body with its first `limit` records, and those behind them that show a field or a type which none before them
/// shows.
async fn cut(page: &Page, limit: u64, format: definition::Format) -> Result<Sample> {
    let text = page.text().unwrap_or_default();
    let Some(records) = page.segments().next().await? else {
        return Ok(Sample { text: text.to_owned(), all: 0 });
    };
    let end = |(record, at): (&str, u64)| {
        usize::try_from(at).unwrap_or(usize::MAX).saturating_add(record.len())
    };
    let between = if format == definition::Format::Jsonl { "\n" } else { "," };
    let (mut inference, mut schema) = (Inference::default(), String::new());
    let (mut all, mut kept, mut last, mut more) = (0, 0, 0, String::new());
    for (record, at) in records.records() {
        all += 1;
        last = end((record, at));
        let observed = inference.observe(record.as_bytes());
        observed.map_err(|error| Error::data(error.to_string()))?;
        if all <= limit {
            kept = last;
        }
        if all < limit {
            continue;
        }
        // With what it says of texts that are numbers: the first that is none belongs to the sample.
        let shown = inference.yaml();
        if all > limit && shown != schema {
            more.extend([between, record]);
        }
        schema = shown;
    }
    let parts = text.get(..kept).zip(text.get(last..));
    let text =
        parts.map_or_else(|| text.to_owned(), |(start, rest)| format!("{start}{more}{rest}"));
    Ok(Sample { text, all })
}

/// What a sample shows.
struct Shown {
    schema: Schema,
    /// The same as it is written in the YAML file.
    yaml: String,
    records: u64,
    /// How many the page has.
    all: u64,
    /// Where the records may be, if what was taken for one looks like what is around them.
    hint: Option<String>,
}

/// What the written text shows, found as the compiler will find it.
async fn shown(Sample { text, all }: &Sample, source: &Source) -> Result<Shown> {
    let chunk = Ok::<_, Error>(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let layout = &Layout::of(source);
    let wanted = Wanted { layout, values: &[], last_record: &[], text: true };
    let read = body::read(stream::iter([chunk]), &wanted, &Limits::of(Memory::default(), 1)).await;
    let body = read.map_err(Unread::into_error)?;
    let page = Page::new("the sample".into(), 1, &body);
    let mut inference = Inference::default();
    let mut segments = page.segments();
    let mut hint = None;
    while let Some(segment) = segments.next().await? {
        for (record, _) in segment.records() {
            if body.shape() == Shape::Record {
                hint = body::hint(&source.data_path, record);
            }
            let observed = inference.observe(record.as_bytes());
            observed.map_err(|error| Error::data(error.to_string()))?;
        }
    }
    let (schema, yaml) = (inference.schema(), inference.yaml());
    Ok(Shown { schema, yaml, records: body.records(), all: *all, hint })
}

fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let error = |error: std::io::Error| {
        Error::config(format!("cannot write `{}`: {error}", path.display()))
            .help("choose another file with `--output`; `--force` replaces one that is there")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).truncate(force);
    // Without `--force` a file that has appeared meanwhile stays.
    let options = if force { options.create(true) } else { options.create_new(true) };
    let mut file = options.open(path).map_err(error)?;
    file.write_all(text.as_bytes()).map_err(error)
}

fn print(shown: &Shown, output: &Path, folder: &Path, format: Format) -> ExitCode {
    let Shown { schema, yaml, records, all, hint } = shown;
    // Paths in the YAML file are relative to it; a single name needs what tells it from a type.
    let file = output.strip_prefix(folder).unwrap_or(output).display().to_string();
    let file = if file.contains(['.', '/']) { file } else { format!("./{file}") };
    let text = match format {
        Format::Json => serde_json::json!({
            "file": output.display().to_string(), "records": records, "schema": schema.fields,
        })
        .to_string(),
        Format::Text => {
            let fields = yaml.replace('\n', "\n  ");
            format!("schema:\n  {fields}")
        }
    };
    output::tell(&format!(
        "{} in `{}`; in the YAML file write either what they show, or `schema: {{sample: {file}}}`",
        match (records, all) {
            (1, 1) => "1 record".to_owned(),
            (records, all) if records == all => format!("{records} records"),
            (records, all) => format!("{records} of the page's {all} records"),
        },
        output.display()
    ));
    if let Some(hint) = hint {
        output::tell(&format!("{}: {hint}, and take the sample again", styled(WARNING, "help")));
    }
    match output::say(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => usage(&message),
    }
}

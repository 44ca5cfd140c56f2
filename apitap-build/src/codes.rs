//! The code of each finding, once: its number, what it is called, and what it means in one sentence.
//!
//! A finding is made with one of these constants, so that a code that is not declared here does not
//! compile. The tests hold the fixtures in `tests/findings` and the sections of `docs/errors.md`
//! (their titles and first sentences) to this list.

use std::fmt;

/// A kind of finding. Only this module makes one: see the constants.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    number: &'static str,
    title: &'static str,
    explanation: &'static str,
}

impl Code {
    /// `E0204`, which is what a user looks up.
    pub fn number(&self) -> &'static str {
        self.number
    }

    /// What is wrong, as the heading of its section says it: `an unknown column`.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What it means, in one sentence.
    pub fn explanation(&self) -> &'static str {
        self.explanation
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number)
    }
}

/// Declares the constants, and the list of all of them.
macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!($number, ": ", $title, ". ", $explanation)]
            pub const $name: &Code =
                &Code { number: $number, title: $title, explanation: $explanation };
        )*

        /// All codes, in the order of the documentation.
        pub const ALL: &[&Code] = &[$($name),*];
    };
}

codes! {
    // Files
    UNREADABLE_FILE = "E0001", "a file cannot be read",
        "The YAML file or the folder of SQL files is not where it was said to be, or may not \
         be read.";
    NOT_UTF8 = "E0002", "a file is not UTF-8",
        "YAML and SQL files are UTF-8.";
    NO_SQL_FILE = "E0003", "there is no SQL file",
        "Each pipeline is one SQL file; the folder has none whose name ends in `.sql`.";
    // YAML
    INVALID_YAML = "E0101", "this is not YAML",
        "The YAML parser gave up here: a quote that is not closed, a tab in the indentation, \
         a `: ` within a plain value, an alias without its anchor.";
    SECOND_DOCUMENT = "E0102", "a second document",
        "A YAML file may hold several documents between `---` lines; apitap reads one.";
    KEY_NOT_STRING = "E0103", "a key is not a string",
        "YAML allows lists and mappings as keys; here each key is a string.";
    MERGE_KEY = "E0104", "a merge key",
        "`<<` is not part of YAML 1.2.";
    YAML_TOO_LARGE = "E0105", "the YAML is too large or too deep",
        "A bound on what the compiler reads, aliases expanded: 200,000 values, 64 levels.";
    // Keys and values
    UNKNOWN_KEY = "E0110", "an unknown key",
        "Every key has a meaning: one that is not known is never ignored.";
    DUPLICATE_KEY = "E0111", "a key or field is written twice",
        "Which of the two is meant cannot be known.";
    WRONG_KIND = "E0112", "a value of the wrong kind",
        "The key takes a string, a list, a mapping or a number, and got another of these.";
    MISSING_KEY = "E0113", "a key is missing",
        "Without this key the source or target cannot work.";
    INVALID_VALUE = "E0114", "a value that is not allowed",
        "The key takes one of a few values, or a number within bounds.";
    INVALID_URL = "E0115", "not a valid URL",
        "`url` is a whole URL with the scheme `http` or `https`.";
    INVALID_HEADER_NAME = "E0116", "not a valid header name",
        "HTTP allows letters, digits and a few signs in the name of a header or cookie.";
    INVALID_POINTER = "E0117", "not a JSON Pointer",
        "Paths into a body are JSON Pointers (RFC 6901): `/data/items`.";
    INVALID_VARIABLE = "E0118", "a variable that is not well-formed",
        "`${NAME}` and `${NAME:-default}` are read from the environment when the program \
         starts.";
    INVALID_DURATION = "E0119", "not a duration",
        "A duration is a number with a unit, greater than zero.";
    USELESS_KEY = "E0120", "a key without the one that it needs",
        "A page size, for example, has an effect only if a parameter sends it to the API.";
    CONFLICTING_KEYS = "E0121", "the same thing said twice",
        "Two keys, each of which would be enough, could disagree.";
    SENT_TWICE = "E0122", "a name that is sent twice",
        "Two keys of a source send a header or parameter of the same name: which of the two \
         the API looks at cannot be known.";
    EMPTY_VALUE = "E0123", "a value that is empty",
        "The key is there, but its value is empty.";
    INVALID_DATABASE_URL = "E0124", "not a valid database URL",
        "The URL of a PostgreSQL target begins with `postgres://`, that of a MySQL target with \
         `mysql://`, that of a SQLite target with `sqlite:`, or it is the path of a file.";
    MULTILINE_HEADER = "E0125", "a header of several lines",
        "HTTP sends each header on one line.";
    MIXED_PAIRS = "E0126", "a list written as a mapping, or the other way round",
        "`headers` and `query_params` are either a mapping of names to values or a list of \
         `{key, value}`.";
    INVALID_EXPRESSION = "E0127", "an expression that is not well-formed",
        "`{start}`, `{format(start, \"%Y-%m-%d\")}`: in the texts of a request, a brace and a \
         letter begin an expression. A literal `{` is `{{` there.";
    UNKNOWN_NAME = "E0128", "a name that an expression does not have",
        "An expression knows the names that its place offers, such as `now`.";
    EXPRESSION_TYPE = "E0129", "types in an expression that do not go together",
        "An operator or a function was given what it does not take, a format is invalid, or a \
         value may be missing.";
    INVALID_SCHEMA = "E0130", "a schema that is not well-formed",
        "A schema is a mapping of fields to types; a record has at least one field, a list \
         one type of elements.";
    UNKNOWN_TYPE = "E0131", "an unknown type",
        "The types are `bool`, `int16`, `int32`, `int64`, `float32`, `float64`, \
         `decimal(p,s)`, `string`, `date`, `time`, `timestamp`, `uuid`, `binary`, `json`, \
         lists and records of them; `!` behind a type is not null.";
    UNQUOTED_DECIMAL = "E0132", "the comma of a decimal",
        "Inside `{…}` YAML takes the comma of `decimal(12,2)` for the end of the value.";
    FRAMING_HEADER = "E0133", "a header that the connection sets",
        "Where a request ends, and how it is carried, is said by what sends it: another \
         `Content-Length` would cut its body off, or have the server wait for more.";
    DUPLICATE_NAME = "E0140", "two sources or targets of one name",
        "SQL files name sources and targets, so that each name stands for one.";
    // Samples, JSON Schema and OpenAPI
    CIRCULAR_PARENTS = "E0141", "sources that are requested for each other",
        "`for_each` names a source that is itself requested for the records of this one.";
    INVALID_PARENT_FIELD = "E0142", "a field that `for_each` cannot take",
        "The other source has no such field, or its value may be null, or cannot be sent in a \
         request.";
    FOR_EACH_NAME = "E0143", "a name that `for_each` cannot give",
        "`as` is a field of the records already, or means something else in expressions, or \
         no request uses it; in Rust, the struct of the record has such a field.";
    INVALID_INCREMENTAL = "E0144", "an incremental load that cannot be right",
        "The field does not say when a record was changed, the API is not told since when, the \
         query needs the records that are known, too, or not all pages are read.";
    INVALID_FILTER = "E0145", "a filter that cannot be sent",
        "`filters` names a field that the API does not send, or asks for an order or a format \
         that its values do not have.";
    JSON_TOO_LARGE = "E0150", "a file is too large or too deep",
        "A sample or a document has more than 4,000,000 values, or is nested more than 127 \
         levels deep.";
    INVALID_JSON = "E0151", "a sample or document is not JSON",
        "The text stops being JSON here.";
    CONFLICTING_SCHEMA = "E0152", "a schema that says two things",
        "A `schema` is a mapping of fields to types, or names one of `sample`, `json_schema` \
         and `openapi`.";
    UNKNOWN_OPERATION = "E0153", "an unknown operation",
        "The OpenAPI document has no operation of that `operationId`, nor of that method and \
         path.";
    NO_JSON_ANSWER = "E0154", "an operation without a JSON response",
        "None of its successful responses has a JSON body with a schema.";
    DATA_PATH_NOT_FOUND = "E0155", "`data_path` does not exist",
        "In the sample, or in the response that the OpenAPI document describes, there is no \
         such key.";
    DATA_PATH_NOT_RECORDS = "E0156", "`data_path` does not lead to records",
        "It must lead to a list of objects, or to one object.";
    INVALID_NEXT_PATH = "E0157", "the path to the next page cannot work",
        "`cursor_path`, or the `path` of `next_url`, leads to an object, a list or a boolean; \
         or to a key that the OpenAPI document does not have.";
    NO_NEXT_PAGE = "E0158", "the sample shows no next page",
        "The path to the next cursor or URL does not exist in any of the sampled pages.";
    EMPTY_SAMPLE = "E0159", "a sample without records",
        "No page of the sample has a record, so nothing is known about the fields.";
    MIXED_KINDS = "E0160", "a field of several kinds",
        "In one record the field is a number, in another a string, or the like.";
    SCHEMA_NOT_RECORD = "E0161", "a schema that is not a record",
        "The JSON Schema, or the schema of the operation's records, is not that of an object \
         with `properties`: there are no fields.";
    INVALID_REFERENCE = "E0163", "a reference that cannot be resolved",
        "A `$ref` names something that does not exist, refers to itself, or points to the \
         network.";
    NOT_OPENAPI = "E0164", "not an OpenAPI 3 document",
        "Versions 3.0 and 3.1 are supported.";
    FIELD_NOT_SHOWN = "E0166", "a field that the file does not have",
        "A field is declared under `fields` that the sample or document does not have, but \
         one with a similar name.";
    // Bodies
    NOT_JSON = "E0170", "a path into a body that is not JSON",
        "`data_path`, the paths of a pagination and `key_as` look into JSON; JSON Lines and CSV \
         have records and nothing else.";
    KEY_NOT_DECLARED = "E0171", "the field of `key_as` cannot take the key",
        "`key_as` names the field that takes the key of each record, which is a text; a field that \
         is not in the schema is skipped.";
    UNKNOWN_FIELDS_NAME = "E0172", "no place for unknown fields",
        "`on_unknown_field: keep` gathers them in the field `_unknown`, which is not free; in Rust, \
         the struct of the record has that field.";
    // SQL
    INVALID_SQL = "E0201", "the SQL cannot be parsed",
        "The SQL parser expected something else here.";
    SECOND_STATEMENT = "E0202", "a second statement",
        "A pipeline is one query.";
    NOT_A_QUERY = "E0203", "not a query",
        "A pipeline yields rows; where they go, `sink(…)` says.";
    UNKNOWN_COLUMN = "E0204", "an unknown column",
        "No source in the query declares such a field.";
    UNKNOWN_TABLE = "E0205", "an unknown source",
        "The name stands for no source or table of this query: the source was not named by \
         `use_source(…)`, or goes by an alias here.";
    UNKNOWN_FUNCTION = "E0206", "an unknown function",
        "There is no function of that name, or not of that kind.";
    TYPE_MISMATCH = "E0207", "types that do not go together",
        "An operator, a function or a set operation was given types that it does not take.";
    MISPLACED_AGGREGATE = "E0208", "aggregates where there are none, or the other way round",
        "In a query with groups, each column is either grouped by or aggregated; and WHERE \
         looks at records before there are groups.";
    DUPLICATE_COLUMN = "E0209", "two columns of one name",
        "The columns of the query become the columns of a table.";
    UNNAMED_COLUMN = "E0210", "a column without a name",
        "The name of a computed column would be the text of its expression.";
    UNSTORABLE_COLUMN = "E0211", "a column that no table can hold",
        "NULL alone, intervals and the like have no type that targets know.";
    AMBIGUOUS_COLUMN = "E0212", "an ambiguous column",
        "Several tables of the query have a column of that name.";
    UNKNOWN_FIELD = "E0213", "an unknown field of a record",
        "`customer.email` reaches into records; the record has no such field, or the value is \
         not a record.";
    UNKNOWN_UNIT = "E0214", "an unknown unit of time",
        "`date_trunc` and `date_part` take a unit, which would be looked at only when the \
         query runs.";
    FAILS_ALWAYS = "E0380", "a query that fails for every record",
        "The query was tried out with made-up records while it was checked, and it fails \
         whatever the records hold.";
    CAN_FAIL = "E0381", "an expression that can fail",
        "An expression cannot be computed for some values: a text that is no number, a divisor \
         that is 0, a result that does not fit its type.";
    CANNOT_BE_STORED = "E0382", "a value that the target cannot store",
        "The query was tried out with made-up records, and what it yields is nothing that the \
         target can store.";
    TOO_MUCH_WORK = "E0383", "a query without an end",
        "The query was tried out with two records of each source, and took more memory or more \
         steps than that can need.";
    WRONG_ANSWER = "E0384", "a query that the engine would answer wrongly",
        "DataFusion, which runs the queries, answers such a query with wrong rows, so it is \
         refused.";
    UNSUPPORTED_QUERY = "E0299", "a query that cannot run",
        "This is SQL that apitap does not plan.";
    // Templates
    INVALID_TEMPLATE = "E0251", "the template cannot be parsed",
        "SQL files are minijinja templates: the parser gave up here.";
    UNKNOWN_VARIABLE = "E0252", "a name that the template does not know",
        "A template knows `sink`, `use_source` and what it has set itself.";
    DUPLICATE_SINK = "E0253", "two sinks",
        "A file is one query into one table.";
    INVALID_CALL = "E0254", "`use_source` or `sink` called in another way",
        "`use_source` takes one name; `sink` takes named arguments, of which only the \
         target's name may stand alone.";
    EMPTY_QUERY = "E0255", "a file without a query",
        "The file says where rows go, but not which.";
    ENDLESS_TEMPLATE = "E0256", "a template without an end",
        "The template takes more steps than any query needs.";
    VARIABLE_IN_SQL = "E0257", "a variable in an SQL file",
        "`${NAME}` is resolved in the YAML file only: in SQL it would be stored as text.";
    // The project
    UNKNOWN_SOURCE = "E0301", "a source that is not declared",
        "`use_source(…)` names no source of the YAML file.";
    UNKNOWN_TARGET = "E0302", "a target that is not declared",
        "`sink(…)` names no target of the YAML file.";
    NO_TARGET = "E0303", "no target",
        "The query does not say where its rows go, and there is not exactly one target.";
    KEY_NOT_SELECTED = "E0304", "a key that the query does not yield",
        "The columns in `key` identify a row; the query must select them.";
    NULLABLE_KEY = "E0305", "a key that may be null",
        "A row whose key is NULL could never be found again.";
    MERGE_WITHOUT_KEY = "E0306", "a merge without a key",
        "`merge` and `insert_new` look for the rows that are there already: which columns identify a \
         row?";
    DUPLICATE_PIPELINE = "E0307", "two pipelines of one name",
        "A pipeline is named after its SQL file's path, and `a/b.sql` and `a_b.sql` make the \
         same name.";
    NO_SCHEMA = "E0308", "a source without a schema",
        "A build checks every query against declared fields.";
    UNKNOWN_API = "E0309", "an api that is not declared",
        "The `api` of a source names no entry of `apis`.";
    INVALID_TABLE_NAME = "E0320", "a table name that the target does not take",
        "A name is `table` or `schema.table`.";
    UNSUITABLE_KEY = "E0321", "a key of a type that cannot be one",
        "A table compares the key of every row; lists, records and `json` are not made for \
         that.";
    INVALID_COLUMN_NAME = "E0322", "a column name that the target does not take",
        "PostgreSQL cuts off what is longer than 63 bytes, and has columns of its own in \
         every table (`ctid`, `xmin`, …); MySQL takes 64 characters; in Delta Lake a name has no space, \
         comma, semicolon, bracket or `=`.";
    SAME_COLUMN_IN_TARGET = "E0323", "two columns that are one to the target",
        "To SQLite, MySQL and Delta Lake `id` and `ID` are the same column.";
    TOO_MANY_COLUMNS = "E0324", "more columns than a table can have",
        "PostgreSQL has a limit of 1600 columns, SQLite one of 2000, MySQL one of 1017; apitap \
         needs one of them.";
    REPEATED_KEY_COLUMN = "E0325", "a column that is in the key twice",
        "Once is enough.";
    CONFLICTING_PIPELINES = "E0326", "two pipelines that write one table against each other",
        "One replaces what the other has written, or would be refused because of it.";
    KEY_NOT_IN_TARGET = "E0327", "a key that the target does not take",
        "A key is an index of the table: one of MySQL has at most 16 columns and 3072 bytes.";
    TYPE_NOT_IN_TARGET = "E0328", "a column type that the target does not have",
        "MySQL keeps at most 30 digits behind the point of a decimal; Delta Lake has no times of day.";
    DELETES_WITHOUT_MERGE = "E0329", "rows are deleted that no merge looks for",
        "`delete_missing` deletes the rows whose key did not come: that goes with `merge`.";
    DELETES_SKIPPED = "E0330", "rows of skipped records are deleted",
        "`replace` and `delete_missing` delete the rows whose record did not come; one that is skipped \
         did come, and one of a page that is not read may be there.";
    UNSUPPORTED_MODE = "E0340", "a mode that the target does not have",
        "Files keep every row that is written: rows can be added, and all of them replaced, but \
         none is found by a key.";
    INVALID_PARTITION = "E0341", "rows that cannot be kept apart so",
        "`partition_by` names columns of the query whose values can name a folder; only targets \
         of files have folders.";
    UNSUPPORTED_EVOLUTION = "E0342", "a table that cannot be replaced by one of other columns",
        "`evolve: replace` gives a table the columns of the query where it does not take the rows: all of \
         its rows go with the mode `replace`, and the database must be able to do both in one step.";
    HOOK_ENDS_TRANSACTION = "E0343", "SQL that ends the transaction of the run",
        "`before` and `after` run in the transaction of the rows, so that all of it is committed or nothing: a \
         COMMIT in them, in MySQL also a CREATE or ALTER, commits what came before.";
    UNUSED_SOURCE = "E0390", "a source that no query reads",
        "A warning: nothing is fetched from it.";
    UNUSED_TARGET = "E0391", "a target that no query writes to",
        "A warning: nothing is stored in it.";
    LITERAL_SECRET = "E0392", "a secret in the file",
        "A warning: a token, key or password stands in the file, and will be in the version \
         control and in the program.";
    UNREAD_SOURCE = "E0393", "a source that is named and not read",
        "A warning: `use_source(…)` is called, but the query does without the source: often a \
         comma or a `JOIN` is missing, and the name of the second became an alias of the \
         first.";
    QUERY_WITHOUT_SOURCE = "E0394", "a query without a source",
        "A warning: it yields the same rows whatever an API says.";
    MISSING_COMMA = "E0395", "a comma that may be missing",
        "A warning: `id amount` is the column `id` under the name `amount`, and there is a \
         field `amount`.";
    FULL_SORT = "E0396", "all rows are sorted",
        "`ORDER BY` without `LIMIT`: the first row cannot be stored before the last record \
         has arrived.";
    JOIN_IN_MEMORY = "E0397", "a join that keeps one side in memory",
        "A join keeps its left side while it goes through the right one.";
    FULL_WINDOW = "E0398", "a window over all rows",
        "A window function sees every row of its partition before it yields one.";
    UNUSED_API = "E0399", "an api that no source names",
        "A warning: what it says is nowhere in effect.";
    CONSTANT_CONDITION = "E0401", "a condition that is the same for every row",
        "A warning: no value of the column can make the condition true, or none can \
         make it false.";
    ARBITRARY_ROWS = "E0402", "rows that no order picks",
        "A warning: `LIMIT`, `DISTINCT ON` and `first_value` keep some rows, and \
         without `ORDER BY` nothing says which.";
    MISLEADING_JOIN = "E0403", "a join that does not do what it says",
        "A warning: `WHERE` removes the rows that a `LEFT JOIN` keeps, or `ON` says \
         nothing of one of the tables.";
    NOT_IN_NULLS = "E0404", "NOT IN beside nulls",
        "A warning: `x NOT IN (1, NULL)` is true of no `x`, so that one null in the \
         inner query leaves no row.";
    FOREIGN_PATTERN = "E0405", "a date pattern of another dialect",
        "A warning: patterns are those of `strftime`, and what has no `%` stands for \
         itself.";
    UNQUOTED_DATE = "E0406", "a day without quotes",
        "A warning: `2026-01-31` without quotes is a subtraction.";
    LOSSY_CAST = "E0407", "a conversion that loses digits",
        "A warning: the type holds fewer digits than the value has, and the rest is cut \
         off without an error.";
    ZONE_WITHOUT_EFFECT = "E0408", "a time zone without effect",
        "A warning: a column of instants is stored as instants, whatever zone they are \
         shown in.";
    UNUSED_NAME = "E0409", "a name that is never used",
        "A warning: a query of a `WITH`, or a variable or macro of the template, is \
         defined and never read.";
    SHARED_KEY = "E0410", "a key that many rows share",
        "A warning: rows of one key replace each other, so that one of them is left.";
    REPEATED_GROUPS = "E0411", "groups that are appended",
        "A warning: a query that aggregates yields all groups in every run, and `append` keeps \
         those of the runs before.";
    MISLEADING_VALUE = "E0412", "a value that means something else than it seems to",
        "A warning: `$NAME` is not a variable, `bearer` adds the word `Bearer` itself, \
         `:memory:` is gone after the run, and the like.";
    WITHOUT_CHECKPOINTS = "E0413", "a pipeline that commits once",
        "A note: its target has a `checkpoint`, and its rows count only as a whole.";
    RUNS_NOT_APART = "E0414", "runs that are not kept apart",
        "A note: the target has no lock that keeps a second run of the pipeline out, and the rows of both would \
         be added.";
    LATER_RECORDS = "E0420", "records that are wanted later",
        "A warning: an incremental source reads a record once, when it is new, and what the \
         query leaves out then is not read again.";
    // Pipelines in Rust
    FIELD_NOT_SELECTED = "E0311", "a field that the query does not yield",
        "The struct under `#[target]` has a field that is not a column of its query.";
    COLUMN_WITHOUT_FIELD = "E0312", "a column without a field",
        "The query yields a column that the struct under `#[target]` does not have.";
    FIELD_TYPE_MISMATCH = "E0313", "a field of another type",
        "The field cannot hold what the query yields.";
    FIELD_NOT_NULLABLE = "E0314", "a field that may be null",
        "The query may yield NULL, for which the field has no value.";
    UNSUPPORTED_FIELD_TYPE = "E0315", "a type that a field cannot have",
        "The types are those of tables: see the types of YAML under E0131.";
    NOT_A_RECORD = "E0316", "a struct that is not a record",
        "A record has named fields and no parameters, and does not contain itself.";
    UNKNOWN_ARGUMENT = "E0317", "an unknown argument of an attribute",
        "`#[pipeline]` takes `name` and `crate`, `#[field]` takes `name` and `type`.";
    PIPELINE_WITHOUT_TARGET = "E0318", "a pipeline without a target",
        "The module has no struct of the rows that go out.";
    TARGET_WITHOUT_QUERY = "E0319", "a target without a query",
        "The struct does not say which rows it stands for.";
    RESERVED_NAME = "E0350", "a name that is taken",
        "`#[pipeline]` adds functions and statics to its module: `PIPELINES`, `run`, `rows`, \
         `transform` and the like.";
    DUPLICATE_FIELD = "E0351", "two fields of one name",
        "Two fields of a struct stand for the same field of the API, or for the same column.";
    // Rust in the pipeline
    WRONG_ARGUMENTS = "E0360", "a Rust function is called with what it does not take",
        "A `#[function]` takes as many arguments as it has parameters, each of its type.";
    FUNCTION_EXISTS = "E0361", "a function has the name of another",
        "A query could not tell which function is meant: SQL has one of that name, or the \
         name is an SQL keyword.";
    INVALID_PATH = "E0362", "a path that the generated code cannot name",
        "A Rust item is named by its whole path, for the generated code is in a module of its \
         own.";
    UNSUPPORTED_SIGNATURE = "E0363", "a type that a function cannot have",
        "A function takes and gives single values, of types that have a type in SQL.";
    INVALID_FUNCTION = "E0364", "a function that a query cannot call",
        "A query calls plain functions, row by row: no generic ones, for their types are not \
         known, and no asynchronous ones, for a query waits for nothing.";
    INVALID_MAP = "E0370", "a function that is not a map",
        "A `#[map]` takes one record of a source and gives rows.";
    FOREIGN_STRUCT = "E0371", "a map of other structs than the module's",
        "A map takes the struct of a `#[source]` and gives the struct of a `#[target]`, both \
         of its own module: so it is known which pipeline it belongs to.";
    QUERY_AND_MAP = "E0372", "rows from two places",
        "The rows of a `#[target]` come from one query or from one map.";
}

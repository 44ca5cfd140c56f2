//! Delta Lake as others read and write it: the package `deltalake` of PyPI.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::s3;
use crate::server::{INSTALLED, Kind, Package};

const DELTALAKE: Kind = Kind {
    name: "deltalake",
    package: Package::Python { folder, packages: &["deltalake==1.6.6", "arro3-core==0.9.1"] },
    programs: &["python3", INSTALLED],
    users: &[],
    folders: || vec![folder().join("bin")],
    serve: "",
};

/// What every call begins with.
const BEGINNING: &str = r#"
import json, os, sys
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, QueryBuilder, write_deltalake

path = sys.argv[1]
options = json.loads(sys.argv[2])

def table():
    return DeltaTable(path, storage_options=options)

def rows(sql="SELECT * FROM t ORDER BY id"):
    found = QueryBuilder().register("t", table()).execute(sql).read_all()
    columns = [[value.as_py() for value in found.column(at)] for at in range(found.num_columns)]
    return [list(row) for row in zip(*columns)]

def append(ids, text):
    ids = list(ids)
    columns = {
        "id": Array(ids, type=DataType.int64()),
        "text": Array([text] * len(ids), type=DataType.utf8()),
    }
    write_deltalake(path, Table.from_pydict(columns), mode="append", storage_options=options)

def say(value):
    print(json.dumps(value, default=lambda it: it.hex() if isinstance(it, bytes) else str(it)))
"#;

fn folder() -> PathBuf {
    std::env::temp_dir().join("apitap-tests-deltalake-1.6.6")
}

/// Runs code of Python over the table at a path, which may be in a bucket of [`s3`]. Gives what it says with
/// `say(…)`; there are `table()`, `rows(sql)` and `append(ids, text)`.
///
/// # Panics
/// It cannot be installed, or fails: with what it has written.
pub fn python(path: &str, code: &str) -> Value {
    let programs = DELTALAKE.programs().unwrap_or_else(|reason| panic!("{reason}"));
    let options = match path.starts_with("s3://") {
        true => serde_json::json!({
            "AWS_ENDPOINT_URL": s3::endpoint(), "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": s3::KEY, "AWS_SECRET_ACCESS_KEY": s3::SECRET,
        }),
        false => Value::Null,
    };
    let mut call = Command::new(programs.join("python3"));
    call.args(["-c", &format!("{BEGINNING}\n{code}"), path, &options.to_string()]);
    let output = call.stdin(Stdio::null()).output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{code}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    match said.trim() {
        "" => Value::Null,
        said => serde_json::from_str(said).expect("it says JSON"),
    }
}

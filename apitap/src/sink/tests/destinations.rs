//! What a target may be, and what is shown of it.

use super::*;

async fn check(url: &str, expected: &str) {
    fails(open(&sqlite(url), "t", Mode::Append, &[], &orders()).await.map(drop), expected);
}

#[tokio::test]
async fn what_cannot_be_a_sqlite_file_is_refused() {
    let memory = "a SQLite database in memory is gone when the run ends\n  \
                  help:     write `sqlite:FILE` or the path of a file";
    check("sqlite::memory:", memory).await;
    check("sqlite://:memory:", memory).await;
    check(":memory:", memory).await;
    check("sqlite:x.db?mode=memory", memory).await;
    check(
        "sqlite:x.db?mod=rwc",
        "`mod` is not a parameter of a SQLite URL\n  help:     a similar one exists: `mode`",
    )
    .await;
    check(
        "sqlite:x.db?mode=ro",
        "the parameter `mode` of the SQLite URL has no such value\n  help:     choose one of `rwc`, `rw`",
    )
    .await;
    let nothing = "the SQLite target names no file\n  \
                   help:     write `sqlite:FILE` or the path of a file";
    check("sqlite:", nothing).await;
    check("", nothing).await;
    check(
        "sqlite:/no/such/folder/x.db",
        "there is no folder `/no/such/folder` for the SQLite file `/no/such/folder/x.db`\n  \
         help:     create it: `mkdir -p /no/such/folder`",
    )
    .await;
    let database = Database::new();
    std::fs::write(database.path(), "no database at all, only some text").unwrap();
    check(
        database.path().to_str().unwrap(),
        &format!(
            "cannot open the SQLite file `{}`: file is not a database\n  help:     it must be a \
             SQLite database, or not be there yet, and be writable",
            database.path().display()
        ),
    )
    .await;
}

#[tokio::test]
async fn each_form_of_a_sqlite_target_opens_the_file() {
    let database = Database::new();
    let path = database.path();
    let forms = ["", "sqlite:", "sqlite://"];
    for (form, count) in forms.iter().zip(1..) {
        let target = sqlite(&format!("{form}{}", path.display()));
        let mut sink = open(&target, "t", Mode::Append, &[], &orders()).await.unwrap();
        sink.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
        sink.commit().await.unwrap();
        assert_eq!(database.rows("SELECT count(*) FROM t").await, [count.to_string()]);
    }
    assert!(Path::new(&path).is_file());
}

#[test]
fn a_password_is_never_shown() {
    let password = "s3cr3t";
    let postgres = |connection| format!("{:?}", target(TargetKind::Postgres, connection));
    let text = |text: &str| Template(text.to_owned());
    let url = format!("postgres://me:{password}@db.example.com:5433/shop");
    let expected = "Postgres(Address(`db.example.com:5433`, database `shop`, user `me`))";
    assert_eq!(postgres(Connection::Url(text(&url))), expected);
    let parts = Connection::Parts {
        host: text("db.example.com"),
        port: 5433,
        database: text("shop"),
        username: text("me"),
        password: text(password),
    };
    assert_eq!(postgres(parts), expected);
    let broken = format!("postgres://me:{password}@db:x/shop");
    assert_eq!(postgres(Connection::Url(text(&broken))), "Postgres(Address(malformed))");
}

//! `replace` is about one table, and about all of its rows; `delete_missing` about all that are missing.

use super::*;

/// What a replace by the rows 7 and 8 comes to: what is in `orders` afterwards, and in `notes`.
async fn check(ddl: &str, expected: std::result::Result<&[&str], &str>) {
    let database = Database::new().await;
    database
        .execute(&format!(
            "CREATE TABLE orders (id int8 PRIMARY KEY, status text);
             INSERT INTO orders VALUES (1, 'old'), (2, 'old');
             CREATE TABLE notes (id int8, about int8); INSERT INTO notes VALUES (10, 1), (11, 2);
             {ddl}"
        ))
        .await;
    let rows = json!([{ "id": 7 }, { "id": 8 }]);
    let done = database.load("orders", Mode::Replace, &orders(), rows).await;
    match expected {
        Ok(after) => {
            done.unwrap();
            assert_eq!(database.table("orders").await, after, "{ddl}");
        }
        Err(expected) => {
            fails(done, expected);
            assert_eq!(database.table("orders").await, ["(1,old)", "(2,old)"], "{ddl}");
        }
    }
    assert_eq!(database.table("notes").await, ["(10,1)", "(11,2)"], "{ddl}");
}

#[tokio::test]
async fn a_table_on_which_others_depend_is_not_emptied() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        check(
            &format!(
                "ALTER TABLE notes ADD FOREIGN KEY (about) REFERENCES orders ON DELETE {action}"
            ),
            Err(&format!(
                "`orders` cannot be replaced: the table `notes` refers to it with ON DELETE \
                 {action}, and would be changed with it\n  help:     use the mode `merge`, or give \
                 the foreign key another action (NO ACTION)"
            )),
        )
        .await;
    }
    check(
        "ALTER TABLE notes ADD FOREIGN KEY (about) REFERENCES orders",
        Err("PostgreSQL refused the rows for `orders`: update or delete on table \"orders\" \
             violates foreign key constraint \"notes_about_fkey\" on table \"notes\" (Key (id)=(1) \
             is still referenced from table \"notes\")"),
    )
    .await;
    // Its own rows go anyway.
    check(
        "ALTER TABLE orders ADD parent int8 REFERENCES orders ON DELETE CASCADE",
        Ok(&["(7,,)", "(8,,)"]),
    )
    .await;
}

#[tokio::test]
async fn rows_that_a_delete_leaves_are_noticed() {
    let kept = "`orders` cannot be replaced: rows are still there after a DELETE of all of them; \
                nothing was changed\n  help:     a trigger or a rule of the table keeps them: drop \
                it, or use the mode `merge`";
    let keep =
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';";
    check(
        &format!(
            "{keep} CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()"
        ),
        Err(kept),
    )
    .await;
    check("CREATE RULE keep AS ON DELETE TO orders DO INSTEAD NOTHING", Err(kept)).await;
    check(
        &format!(
            "{keep} CREATE TRIGGER keep BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION keep()"
        ),
        Err("only 0 of 2 rows were stored in `orders`; nothing was changed\n  help:     a trigger or \
             a rule of the table keeps rows out: drop it, or name the table that it fills"),
    )
    .await;
}

#[tokio::test]
async fn tables_that_refer_to_a_partition_or_inherit_are_not_emptied_either() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TABLE orders (id int8 PRIMARY KEY, status text) PARTITION BY RANGE (id);
             CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100);
             CREATE TABLE notes (about int8 REFERENCES orders_1 ON DELETE CASCADE);
             INSERT INTO orders VALUES (1, 'old'); INSERT INTO notes VALUES (1);
             CREATE TABLE parents (id int8 PRIMARY KEY, status text);
             CREATE TABLE heirs () INHERITS (parents); INSERT INTO heirs VALUES (1, 'old')",
        )
        .await;
    let rows = || json!([{ "id": 7 }]);
    fails(
        database.load("orders", Mode::Replace, &orders(), rows()).await,
        "`orders` cannot be replaced: the table `notes` refers to it with ON DELETE CASCADE, and \
         would be changed with it\n  help:     use the mode `merge`, or give the foreign key another \
         action (NO ACTION)",
    );
    fails(
        database.load("parents", Mode::Replace, &orders(), rows()).await,
        "`parents` cannot be replaced: the table `heirs` inherits from it, and its rows would be \
         deleted, too\n  help:     use the mode `merge`, or end the inheritance: ALTER TABLE heirs NO \
         INHERIT \"public\".\"parents\"",
    );
    assert_eq!(database.table("orders").await, ["(1,old)"]);
    assert_eq!(database.table("notes").await, ["(1)"]);
    assert_eq!(database.table("heirs").await, ["(1,old)"]);
    // A partitioned table that refers to itself is one table.
    database
        .execute(
            "DROP TABLE notes; ALTER TABLE orders ADD parent int8 REFERENCES orders ON DELETE CASCADE",
        )
        .await;
    database.load("orders", Mode::Replace, &orders(), rows()).await.unwrap();
    assert_eq!(database.table("orders").await, ["(7,,)"]);
}

/// What a merge of the rows 2 and 3 that deletes the others comes to in a table with the rows 1 and 2.
async fn check_missing(ddl: &str, expected: std::result::Result<(), &str>) {
    let database = Database::new().await;
    let table = "CREATE TABLE orders (id int8 PRIMARY KEY, status text);
                 INSERT INTO orders VALUES (1, 'old'), (2, 'old')";
    database.execute(&format!("{table}; {ddl}")).await;
    let done = async {
        let load = Load::new("orders", "orders", Mode::Merge, &["id".to_owned()], &orders())?;
        let target = destination(&database.url);
        let mut run = Run::of(target.as_ref(), load.missing(Missing::Delete)).await?;
        run.write(batch(&orders(), json!([{ "id": 2 }, { "id": 3 }]))).await?;
        run.commit().await
    };
    let done = done.await;
    let after: &[&str] = match expected {
        Ok(()) => &["(2,)", "(3,)"],
        Err(_) => &["(1,old)", "(2,old)"],
    };
    match expected {
        Ok(()) => drop(done.unwrap()),
        Err(expected) => fails(done, expected),
    }
    assert_eq!(database.table("orders").await, after, "{ddl}");
}

#[tokio::test]
async fn delete_missing_deletes_what_is_missing_and_nothing_else_or_says_so() {
    let kept = "`delete_missing` cannot delete rows of `orders`: rows whose key did not come are still \
                there after their DELETE; nothing was changed\n  help:     a trigger or a rule of the \
                table keeps them: drop it, or remove `delete_missing`";
    check_missing("", Ok(())).await;
    check_missing(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()",
        Err(kept),
    )
    .await;
    check_missing("CREATE RULE keep AS ON DELETE TO orders DO INSTEAD NOTHING", Err(kept)).await;
    check_missing(
        "CREATE TABLE notes (about int8 REFERENCES orders ON DELETE CASCADE)",
        Err("`delete_missing` cannot delete rows of `orders`: the table `notes` refers to it with ON \
             DELETE CASCADE, and would be changed with it\n  help:     remove `delete_missing`, or give \
             the foreign key another action (NO ACTION)"),
    )
    .await;
    check_missing(
        "CREATE TABLE heirs () INHERITS (orders)",
        Err("`delete_missing` cannot delete rows of `orders`: the table `heirs` inherits from it, and \
             its rows would be deleted, too\n  help:     remove `delete_missing`, or end the \
             inheritance: ALTER TABLE heirs NO INHERIT \"public\".\"orders\""),
    )
    .await;
}

#[tokio::test]
async fn rows_that_row_security_hides_are_not_left_in_silence() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE ROLE loader LOGIN PASSWORD 'loads';
             CREATE TABLE orders (id int8 PRIMARY KEY, status text);
             INSERT INTO orders VALUES (1, 'theirs');
             ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
             CREATE POLICY ours ON orders USING (status IS NULL);
             GRANT ALL ON orders TO loader",
        )
        .await;
    let (_, place) = database.url.rsplit_once('@').unwrap();
    let target = destination(&format!("postgres://loader:loads@{place}"));
    fails(
        open(&target, "orders", Mode::Replace, &[], &orders()).await.map(drop),
        "`orders` cannot be replaced: row security hides rows of it from this user, and they would \
         stay\n  help:     connect as the owner of the table or as a user with BYPASSRLS, or use \
         the mode `merge`",
    );
    let key = ["id".to_owned()];
    let load = Load::new("orders", "orders", Mode::Merge, &key, &orders()).unwrap();
    fails(
        Run::of(target.as_ref(), load.missing(Missing::Delete)).await.map(drop),
        "`delete_missing` cannot delete rows of `orders`: row security hides rows of it from this \
         user, and they would stay\n  help:     connect as the owner of the table or as a user with \
         BYPASSRLS, or remove `delete_missing`",
    );
    let mut run = open(&target, "orders", Mode::Merge, &key, &orders()).await.unwrap();
    run.write(batch(&orders(), json!([{ "id": 2 }]))).await.unwrap();
    run.commit().await.unwrap();
    assert_eq!(database.table("orders").await, ["(1,theirs)", "(2,)"]);
}

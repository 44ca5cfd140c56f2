//! `docs/architecture.md` says where things are: its paths exist, and what it names is there.

use apitap_tests::readme::root;

/// A row of "Where is …?": the question, the file, and what to look for in it.
struct Answer {
    question: String,
    file: String,
    items: Vec<String>,
}

/// What stands between backticks.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn answers() -> Vec<Answer> {
    let document = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = document.split_once("\n## Where is …?\n").expect("there is the section");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    let answers = rows.filter(|row| !row.starts_with("---")).flat_map(|row| {
        let cells: Vec<_> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let [question, files, items] = cells[..] else { panic!("three cells, not: {row}") };
        let (files, items) = (code(files), code(items));
        assert!(!files.is_empty() && !items.is_empty(), "{row}");
        let answer =
            move |file| Answer { question: question.to_owned(), file, items: items.clone() };
        files.into_iter().map(answer).collect::<Vec<_>>()
    });
    answers.collect()
}

#[test]
fn a_newcomer_finds_each_thing_where_the_document_says_it_is() {
    let answers = answers();
    assert!(answers.len() >= 11, "{} answers", answers.len());
    let mut found: Vec<(&str, &str)> = Vec::new();
    for answer in &answers {
        let text = std::fs::read_to_string(root().join(&answer.file))
            .unwrap_or_else(|error| panic!("{} {}: {error}", answer.question, answer.file));
        let here = answer.items.iter().filter(|item| text.contains(*item));
        found.extend(here.map(|item| (answer.question.as_str(), item.as_str())));
    }
    for Answer { question, items, .. } in &answers {
        for item in items {
            assert!(found.contains(&(question, item)), "{question} no file of its has `{item}`");
        }
    }
}

#[test]
fn the_links_of_the_documents_lead_to_files() {
    for document in ["docs/architecture.md", "docs/errors.md", "docs/reference.md", "README.md"] {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{document} links to {file}");
        }
    }
}

//! A name that is not known → the known one that it most probably means ("did you mean").

/// The candidate that a name most probably means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion<'a> {
    /// The candidate.
    pub name: &'a str,
    /// Whether it is nearer than all others, and so near that a slip of the finger explains it.
    pub sure: bool,
}

impl<'a> Suggestion<'a> {
    /// The nearest of the candidates, if one is near enough.
    pub fn of(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let candidates: Vec<_> = candidates.into_iter().collect();
        let near = candidates
            .iter()
            .filter_map(|candidate| Some((distance_if_near(name, candidate)?, *candidate)));
        let mut near: Vec<_> = near.collect();
        near.sort_by_key(|(distance, _)| *distance);
        near.dedup_by_key(|(_, candidate)| *candidate);
        let Some((first, candidate)) = near.first().copied() else {
            return Some(Self { name: begun(name, candidates)?, sure: false });
        };
        let is_nearest = near.get(1).is_none_or(|(second, _)| *second > first);
        let slip = if name.chars().count() < 5 { 1 } else { 2 };
        Some(Self { name: candidate, sure: is_nearest && first <= slip })
    }
}

/// The candidate that `name` most probably means, if one is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    Suggestion::of(name, candidates).map(|suggestion| suggestion.name)
}

/// The shortest candidate of which a name is the begin: `user` for `username`.
fn begun<'a>(name: &str, candidates: Vec<&'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let is_begun =
        |candidate: &&str| name.len() >= 3 && candidate.to_lowercase().starts_with(&name);
    candidates.into_iter().filter(is_begun).min_by_key(|candidate| candidate.len())
}

/// The candidate from which `name` differs least, and in at most so many letters.
pub fn nearest_within<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Option<&'a str> {
    closest(candidates, |candidate| Some(distance(name, candidate)).filter(|found| *found <= most))
}

/// In how many letters two names differ, if one may well be meant by the other: a third of the
/// letters may.
pub fn distance_if_near(name: &str, candidate: &str) -> Option<usize> {
    let most = name.len().max(candidate.len()).div_ceil(3);
    Some(distance(name, candidate)).filter(|found| *found <= most)
}

/// In how many letters two names differ; capitals do not count.
fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

fn closest<'a>(
    candidates: impl IntoIterator<Item = &'a str>,
    distance: impl Fn(&str) -> Option<usize>,
) -> Option<&'a str> {
    let near =
        candidates.into_iter().filter_map(|candidate| Some((distance(candidate)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The help for a name that is not known: the nearest candidate, else all of them.
pub fn did_you_mean<'a>(
    kind: &str,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(name, candidates.clone()) {
        Some(near) => format!("a similar {kind} exists: `{near}`"),
        None => {
            let all: Vec<_> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
            match &all[..] {
                [] => format!("there is no {kind} yet: declare one"),
                [only] => format!("the only {kind} is {only}"),
                all => format!("choose one of {}", all.join(", ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_where_one_is_near() {
        let names = ["total", "tax", "placed_at"];
        assert_eq!(nearest("totl", names), Some("total"));
        assert_eq!(nearest("PLACED_AT", names), Some("placed_at"));
        assert_eq!(nearest("customer", names), None);
        assert_eq!(nearest("place", names), Some("placed_at"));
        assert_eq!(nearest("user", ["username_env", "username", "password"]), Some("username"));
        assert_eq!(nearest("pl", names), None);
        assert_eq!(nearest_within("totl", names, 0), None);
    }
}

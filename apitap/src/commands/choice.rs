//! Names and patterns on the command line → the names of pipelines.

use std::collections::BTreeSet;

use apitap_build::nearest::did_you_mean;
use clap::Args;
use glob::Pattern;

/// Which of the pipelines are meant: all of them where none is named.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Choice {
    /// Names of pipelines, or patterns such as 'shop_*'
    pub(crate) pipelines: Vec<String>,
    /// All but these: a name or a pattern; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) exclude: Vec<String>,
}

impl Choice {
    /// One pipeline, by its name.
    pub(crate) fn one(name: &str) -> Self {
        Self { pipelines: vec![name.to_owned()], exclude: Vec::new() }
    }

    /// Whether nothing is named, so that all are meant.
    #[cfg(feature = "cli")]
    pub(crate) fn is_all(&self) -> bool {
        self.pipelines.is_empty() && self.exclude.is_empty()
    }

    /// The names that are meant, each once, in the order in which they are named.
    ///
    /// # Errors
    /// A name that is not known, a pattern that fits none or is malformed; nothing is left.
    pub(crate) fn of<'a>(&self, known: &[&'a str]) -> Result<Vec<&'a str>, String> {
        let mut seen = BTreeSet::new();
        let mut chosen = match self.pipelines.as_slice() {
            [] => known.to_vec(),
            named => {
                let mut chosen = Vec::new();
                for name in named {
                    chosen.extend(matching(name, known)?);
                }
                chosen
            }
        };
        for name in &self.exclude {
            let excluded = matching(name, known)?;
            chosen.retain(|name| !excluded.contains(name));
        }
        chosen.retain(|name| seen.insert(*name));
        match chosen.is_empty() && !known.is_empty() {
            true => Err("`--exclude` leaves no pipeline".to_owned()),
            false => Ok(chosen),
        }
    }
}

/// The known names that a name or a pattern means: at least one.
fn matching<'a>(name: &str, known: &[&'a str]) -> Result<Vec<&'a str>, String> {
    if let Some(exact) = known.iter().find(|known| **known == name) {
        return Ok(vec![*exact]);
    }
    if !name.contains(['*', '?', '[']) {
        let help = did_you_mean("pipeline", name, known.iter().copied());
        return Err(format!("there is no pipeline `{name}`\nhelp: {help}"));
    }
    let pattern =
        Pattern::new(name).map_err(|error| format!("`{name}` is not a pattern: {}", error.msg))?;
    let found: Vec<_> = known.iter().copied().filter(|known| pattern.matches(known)).collect();
    match found.is_empty() {
        true => {
            let help = did_you_mean("pipeline", name, known.iter().copied());
            Err(format!("no pipeline has a name like `{name}`\nhelp: {help}"))
        }
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], exclude: &[&str], expected: Result<&[&str], &str>) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice { pipelines: owned(names), exclude: owned(exclude) };
        let chosen = choice.of(&["shop_orders", "shop_customers", "billing"]);
        let expected = expected.map(<[_]>::to_vec).map_err(str::to_owned);
        assert_eq!(chosen, expected, "{names:?} {exclude:?}");
    }

    #[test]
    fn a_pipeline_that_is_named_twice_runs_once() {
        check(&[], &[], Ok(&["shop_orders", "shop_customers", "billing"]));
        check(&["billing", "billing"], &[], Ok(&["billing"]));
        check(&["billing", "shop_orders", "billing"], &[], Ok(&["billing", "shop_orders"]));
        check(&["billing", "b*", "*"], &[], Ok(&["billing", "shop_orders", "shop_customers"]));
    }

    #[test]
    fn a_pattern_stands_for_all_that_it_fits() {
        check(&["shop_*"], &[], Ok(&["shop_orders", "shop_customers"]));
        check(&[], &["shop_*"], Ok(&["billing"]));
        check(&["shop_*"], &["*customers"], Ok(&["shop_orders"]));
        check(
            &["store_*"],
            &[],
            Err("no pipeline has a name like `store_*`\nhelp: choose one of `shop_orders`, \
                 `shop_customers`, `billing`"),
        );
        check(&["shop_["], &[], Err("`shop_[` is not a pattern: invalid range pattern"));
        check(&["billing"], &["b*"], Err("`--exclude` leaves no pipeline"));
    }

    #[test]
    fn a_name_that_is_not_known_shows_the_nearest() {
        check(
            &["biling"],
            &[],
            Err("there is no pipeline `biling`\nhelp: a similar pipeline exists: `billing`"),
        );
        check(
            &[],
            &["shop_order"],
            Err(
                "there is no pipeline `shop_order`\nhelp: a similar pipeline exists: `shop_orders`",
            ),
        );
    }
}

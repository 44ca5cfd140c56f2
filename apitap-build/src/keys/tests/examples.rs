//! The schema → documents that have everything it describes.

use serde_json::{Map, Value as Json, json};

use super::read;
use super::validate::Validator;

/// Makes documents.
pub(super) struct Examples<'s> {
    root: &'s Json,
    validator: Validator<'s>,
}

impl<'s> Examples<'s> {
    pub(super) fn new(root: &'s Json) -> Self {
        Self { root, validator: Validator::new(root) }
    }

    /// Documents with every property, every choice and every example somewhere in them.
    pub(super) fn whole(&self) -> Vec<Json> {
        self.of(self.root, &[])
    }

    /// Documents in each of which one mapping has nothing but what says of which kind it is.
    pub(super) fn bare(&self) -> Vec<Json> {
        self.bare_of(self.root, &[])
    }

    /// Every value that a schema shows; `inside` are the references that have led here.
    fn of(&self, schema: &'s Json, inside: &[&str]) -> Vec<Json> {
        let mut values: Vec<Json> = list(&schema["examples"]).to_vec();
        values.extend(schema.get("const").cloned());
        values.extend(list(&schema["enum"]).to_vec());
        values.extend(schema.get("default").cloned());
        if let Some(reference) = schema["$ref"].as_str() {
            if !inside.contains(&reference) {
                let inside = [inside, &[reference]].concat();
                values.extend(self.of(self.validator.follow(schema), &inside));
            }
        } else if schema.get("properties").is_some() {
            values.extend(self.objects(schema, inside));
        } else if schema["type"] == "object" {
            let fields = self.of(&schema["additionalProperties"], inside);
            values.extend(fields.into_iter().map(|value| json!({ "field": value })));
        } else if schema["type"] == "array" {
            values.extend(self.of(&schema["items"], inside).into_iter().map(|item| json!([item])));
        } else {
            for branch in list(&schema["oneOf"]) {
                values.extend(self.of(branch, inside));
            }
        }
        values.dedup();
        values
    }

    /// A mapping for each value of each of its properties.
    fn objects(&self, schema: &'s Json, inside: &[&str]) -> Vec<Json> {
        let bases = self.bases(schema, inside);
        let mut objects = bases.clone();
        for (name, property) in properties(schema) {
            let values = self.of(property, inside);
            assert!(!values.is_empty(), "`{name}` has no example: {property}");
            let mut fit = 0;
            for value in values {
                for mut object in bases.clone() {
                    for needed in
                        list(&schema["dependencies"][name]).iter().filter_map(Json::as_str)
                    {
                        object.insert(needed.to_owned(), self.first(schema, needed, inside));
                    }
                    object.insert(name.clone(), value.clone());
                    if self.fits(schema, &object) {
                        objects.push(object);
                        fit += 1;
                    }
                }
            }
            assert!(fit > 0, "no mapping with `{name}` is right: {schema}");
        }
        objects.into_iter().map(Json::Object).collect()
    }

    /// Mappings with what is required: one, or one for each of the alternatives.
    fn bases(&self, schema: &'s Json, inside: &[&str]) -> Vec<Map<String, Json>> {
        let with = |alternative: &Json| {
            let names = list(&schema["required"]).iter().chain(list(&alternative["required"]));
            let names = names.filter_map(Json::as_str);
            names.map(|name| (name.to_owned(), self.first(schema, name, inside))).collect()
        };
        let alternatives = [list(&schema["oneOf"]), list(&schema["anyOf"])].concat();
        match alternatives.as_slice() {
            [] => vec![with(&Json::Null)],
            alternatives => alternatives.iter().map(with).collect(),
        }
    }

    fn first(&self, schema: &'s Json, name: &str, inside: &[&str]) -> Json {
        let values = self.of(&schema["properties"][name], inside);
        values.into_iter().next().unwrap_or_else(|| panic!("`{name}` has no example: {schema}"))
    }

    /// Whether a mapping has what belongs together, and nothing that does not.
    fn fits(&self, schema: &'s Json, object: &Map<String, Json>) -> bool {
        let text = Json::Object(object.clone()).to_string();
        let (node, _, _) = read(&text).expect("JSON is YAML");
        self.validator.fits(schema, &node)
    }

    fn bare_of(&self, schema: &'s Json, inside: &[&str]) -> Vec<Json> {
        if let Some(reference) = schema["$ref"].as_str() {
            if inside.contains(&reference) {
                return Vec::new();
            }
            let inside = [inside, &[reference]].concat();
            return self.bare_of(self.validator.follow(schema), &inside);
        }
        if schema.get("properties").is_none() {
            let items =
                schema.get("items").into_iter().flat_map(|items| self.bare_of(items, inside));
            let branches = list(&schema["oneOf"]).iter();
            let branches = branches.flat_map(|branch| self.bare_of(branch, inside));
            let fields = schema.get("additionalProperties").into_iter();
            let fields = fields.flat_map(|field| self.bare_of(field, inside));
            let fields = fields.map(|value| json!({ "field": value }));
            return items.map(|item| json!([item])).chain(branches).chain(fields).collect();
        }
        let kinds = properties(schema)
            .filter_map(|(name, property)| Some((name.clone(), property.get("const")?.clone())));
        let mut values = vec![Json::Object(kinds.collect())];
        for (name, property) in properties(schema) {
            let below = self.bare_of(property, inside);
            if below.is_empty() {
                continue;
            }
            let bases = self.bases(schema, inside);
            let with_it = bases.iter().filter(|base| base.contains_key(name)).cloned();
            let with_it: Vec<_> = with_it.collect();
            let bases = if with_it.is_empty() { bases } else { with_it };
            for value in below {
                for mut object in bases.clone() {
                    object.insert(name.clone(), value.clone());
                    values.push(Json::Object(object));
                }
            }
        }
        values
    }
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

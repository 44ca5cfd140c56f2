//! What a test API holds: records that the test wrote, or as many made-up orders as it asks for.

use std::io::Write as _;

use serde_json::Value;

/// The records of a collection, in order.
#[derive(Debug, Clone)]
pub enum Records {
    /// Written by the test.
    Held(Vec<Value>),
    /// [`order`] 1 to this one, made when they are asked for and never held.
    Orders(u64),
}

impl From<Vec<Value>> for Records {
    fn from(records: Vec<Value>) -> Self {
        Self::Held(records)
    }
}

impl Records {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Held(records) => records.len() as u64,
            Self::Orders(count) => *count,
        }
    }

    /// The record at `index`, from 0.
    pub fn get(&self, index: u64) -> Value {
        match self {
            Self::Held(records) => records[index as usize].clone(),
            Self::Orders(_) => order(index + 1),
        }
    }

    /// Adds the JSON of the record at `index`, from 0.
    pub(crate) fn write(&self, index: u64, json: &mut Vec<u8>) {
        match self {
            Self::Held(records) => {
                serde_json::to_writer(json, &records[index as usize]).expect("a value is JSON");
            }
            Self::Orders(_) => write_order(index + 1, json),
        }
    }
}

/// The schema of [`order`], as the lines of a YAML mapping.
pub const ORDER_SCHEMA: &str = "\
id: int64!
reference: uuid!
status: string!
amount: decimal(12,2)!
quantity: int32!
rate: float64!
paid: bool!
day: date!
placed_at: timestamp!
note: string
tags: [string]
customer: {id: int64!, name: string!, email: string}
address: {street: string!, city: string!, country: string!}
description: string!
";

/// The made-up order with that `id`: the same at every call, some 600 bytes of JSON.
///
/// Nullable fields are null in some, strings hold escapes and characters of several bytes.
pub fn order(id: u64) -> Value {
    let mut json = Vec::with_capacity(1024);
    write_order(id, &mut json);
    serde_json::from_slice(&json).expect("an order is JSON")
}

const STATUSES: [&str; 4] = ["paid", "open", "shipped", "returned"];
const CITIES: [(&str, &str); 4] =
    [("Malmö", "SE"), ("Kraków", "PL"), ("São Paulo", "BR"), ("東京", "JP")];
const WORDS: [&str; 8] =
    ["copper", "kettle", "walnut", "lamp", "linen", "chair", "enamel", "basket"];

fn write_order(id: u64, json: &mut Vec<u8>) {
    let hash = scatter(id);
    let (city, country) = CITIES[(hash >> 8) as usize % CITIES.len()];
    let status = STATUSES[hash as usize % STATUSES.len()];
    let (month, day) = (1 + hash % 12, 1 + (hash >> 4) % 28);
    let (hour, minute, second) = (hash % 24, (hash >> 5) % 60, (hash >> 11) % 60);
    // Writing into a `Vec` cannot fail.
    let mut put = |text: std::fmt::Arguments<'_>| json.write_fmt(text).expect("memory is writable");

    put(format_args!(
        r#"{{"id":{id},"reference":"{:08x}-{:04x}-4000-8000-{id:012x}","status":"{status}""#,
        hash as u32, hash as u16,
    ));
    put(format_args!(
        r#","amount":{}.{:02},"quantity":{},"rate":{},"paid":{}"#,
        hash % 100_000,
        (hash >> 3) % 100,
        1 + hash % 99,
        (hash % 1000) as f64 / 8.0,
        !hash.is_multiple_of(3),
    ));
    put(format_args!(
        r#","day":"2024-{month:02}-{day:02}","placed_at":"2024-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z""#,
        hash % 1_000_000,
    ));
    match hash % 5 {
        0 => put(format_args!(r#","note":null"#)),
        1 => put(format_args!(r#","note":"he said \"later\"\n\tand left \u00e9\ud83d\ude00 \\""#)),
        _ => put(format_args!(r#","note":"leave it with neighbour {}""#, hash % 90)),
    }
    match hash % 4 {
        0 => put(format_args!(r#","tags":[]"#)),
        1 => put(format_args!(r#","tags":["gift"]"#)),
        _ => put(format_args!(r#","tags":["new","batch {}"]"#, hash % 50)),
    }
    let customer = 1 + hash % 50_000;
    put(format_args!(r#","customer":{{"id":{customer},"name":"Customer {customer}","email":"#));
    match hash % 7 {
        0 => put(format_args!("null}}")),
        _ => put(format_args!(r#""customer.{customer}@shop.example.com"}}"#)),
    }
    put(format_args!(
        r#","address":{{"street":"{} Long Street","city":"{city}","country":"{country}"}},"description":""#,
        1 + hash % 300,
    ));
    for step in 0..20 {
        let word = WORDS[(hash >> (step * 3)) as usize % WORDS.len()];
        put(format_args!("{}{word}", if step == 0 { "" } else { " " }));
    }
    put(format_args!(r#""}}"#));
}

/// SplitMix64's finaliser: neighbouring numbers become unlike ones.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_at_every_call_and_unlike_its_neighbour() {
        assert_eq!(order(7), order(7));
        assert_ne!(order(7)["amount"], order(8)["amount"]);
        assert_eq!(order(1_000_000)["id"], 1_000_000);
    }

    #[test]
    fn orders_are_some_600_bytes_long() {
        let mut json = Vec::new();
        for index in 0..1000 {
            Records::Orders(1000).write(index, &mut json);
        }
        let mean = json.len() / 1000;
        assert!((550..=650).contains(&mean), "{mean} bytes");
    }

    #[test]
    fn orders_have_the_fields_of_their_schema_and_nulls_where_it_allows_them() {
        let declared: Vec<_> = ORDER_SCHEMA
            .lines()
            .map(|line| {
                let (name, notation) = line.split_once(": ").expect("`name: type`");
                (name, notation.ends_with('!') || notation.starts_with('{'))
            })
            .collect();
        let mut nulls = 0;
        for id in 1..=500 {
            let order = order(id);
            let fields: Vec<_> = order.as_object().expect("an object").keys().collect();
            let mut names: Vec<_> = declared.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            assert_eq!(fields, names);
            for (name, required) in &declared {
                nulls += usize::from(order[name].is_null());
                assert!(!(*required && order[name].is_null()), "`{name}` of order {id}");
            }
        }
        assert!(nulls > 0);
    }

    #[test]
    fn the_value_and_the_json_of_a_record_are_the_same() {
        for records in [Records::Orders(5), vec![order(1), order(2), order(3)].into()] {
            for index in 0..3 {
                let mut json = Vec::new();
                records.write(index, &mut json);
                let parsed: Value = serde_json::from_slice(&json).expect("JSON");
                assert_eq!(parsed, records.get(index));
                assert_eq!(parsed["id"], index + 1);
            }
        }
    }
}

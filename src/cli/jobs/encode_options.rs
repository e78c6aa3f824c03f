//! The options of an encode in a request: flags of `origami encode` by name.

use clap::Parser;
use origami::jobs::Encode;
use serde_json::{Map, Value};

use super::submit::encode_task;
use super::unit_args::UnitArgs;
use crate::cli::args::coding::CodingArgs;
use crate::cli::encode::args::TargetArgs;

/// The flags that a request may name.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Flags {
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    encode: UnitArgs,
}

/// What a unit holds for them. The error says what is wrong.
pub fn encode_options(options: &Map<String, Value>) -> Result<Encode, String> {
    let mut arguments = Vec::new();
    for (name, value) in options {
        let flag = name.replace('_', "-");
        if flag.is_empty()
            || !flag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            || flag.starts_with('-')
        {
            return Err(format!("{name:?} is no name of a flag"));
        }
        add(&mut arguments, &flag, value)?;
    }
    let flags = Flags::try_parse_from(arguments).map_err(|e| {
        let text = e.to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string()
    })?;
    encode_task(&flags.coding, &flags.target, &flags.encode).map_err(|e| e.to_string())
}

fn add(arguments: &mut Vec<String>, flag: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => arguments.push(format!("--{flag}")),
        Value::Number(number) => arguments.push(format!("--{flag}={number}")),
        Value::String(text) => arguments.push(format!("--{flag}={text}")),
        Value::Array(values) if values.iter().all(|value| !value.is_array()) => {
            values.iter().try_for_each(|value| add(arguments, flag, value))?;
        }
        _ => return Err(format!("{flag}: give a text, a number, true or false, or a list of these")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(options: Value) -> Result<Encode, String> {
        encode_options(options.as_object().unwrap())
    }

    #[test]
    fn options_are_flags_of_encode_and_nothing_else() {
        assert_eq!(of(json!({})), of(json!({"packs": null})));
        assert_eq!(of(json!({"tile": 512, "pack": true})).unwrap().tile, Some(512));
        assert!(of(json!({"preset": "balanced", "pack": false})).is_ok());
        for wrong in [
            json!({"tile": "a"}),
            json!({"nothing": 1}),
            json!({"out": "/etc"}),
            json!({"queue": "x"}),
            json!({"-tile": 1}),
            json!({"tile=1 --out": "/etc"}),
            json!({"tile": {}}),
        ] {
            assert!(of(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

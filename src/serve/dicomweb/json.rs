//! Attributes as JSON (PS3.18, annex F).

use dicom_core::VR;
use dicom_core::header::Header;
use dicom_core::value::Value as Values;
use dicom_core::{Tag, dictionary::DataDictionary};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::InMemDicomObject;
use serde_json::{Map, Number, Value, json};

/// A dataset. `bulk` gives the address of a value of bytes.
pub fn dataset(data: &InMemDicomObject, bulk: &dyn Fn(Tag) -> Option<String>) -> Map<String, Value> {
    let of = |element: &dicom_object::mem::InMemElement| {
        let (tag, vr) = (element.tag(), element.vr());
        let value = match element.value() {
            Values::Sequence(items) => {
                let items: Vec<_> =
                    items.items().iter().map(|item| Value::Object(dataset(item, bulk))).collect();
                with(vr, items)
            }
            _ if matches!(vr, VR::OB | VR::OW | VR::UN) => bytes(vr, bulk(tag)),
            Values::Primitive(values) => attribute(vr, &values.to_multi_str()),
            Values::PixelSequence(_) => bytes(vr, bulk(tag)),
        };
        (key(tag), value)
    };
    data.iter().map(of).collect()
}

/// The name of an attribute.
pub fn key(tag: Tag) -> String {
    format!("{:04X}{:04X}", tag.group(), tag.element())
}

/// A value of bytes at an address.
pub fn bytes(vr: VR, address: Option<String>) -> Value {
    match address {
        Some(address) => json!({"vr": vr.to_string(), "BulkDataURI": address}),
        None => with(vr, Vec::new()),
    }
}

/// An attribute with its values as texts.
pub fn attribute(vr: VR, values: &[String]) -> Value {
    let is_none = values.iter().all(|value| plain(value).is_empty());
    with(vr, if is_none { Vec::new() } else { values.iter().map(|value| one(vr, plain(value))).collect() })
}

/// The kind of an attribute's values, as its dictionary has it; that of texts where it has several.
pub fn vr_of(tag: Tag) -> VR {
    use dicom_core::dictionary::{DataDictionaryEntry, VirtualVr};
    match StandardDataDictionary.by_tag(tag).map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) => vr,
        _ => VR::LO,
    }
}

fn with(vr: VR, values: Vec<Value>) -> Value {
    match values.is_empty() {
        true => json!({"vr": vr.to_string()}),
        false => json!({"vr": vr.to_string(), "Value": values}),
    }
}

/// Without the padding to an even number of bytes.
fn plain(text: &str) -> &str {
    text.trim_end_matches('\0').trim()
}

fn one(vr: VR, text: &str) -> Value {
    match vr {
        VR::PN => {
            let names = ["Alphabetic", "Ideographic", "Phonetic"];
            let groups = names.iter().zip(text.split('=')).filter(|(_, group)| !group.is_empty());
            Value::Object(groups.map(|(name, group)| ((*name).to_string(), group.into())).collect())
        }
        VR::DS | VR::IS | VR::US | VR::UL | VR::SS | VR::SL | VR::FL | VR::FD => number(text),
        _ => text.into(),
    }
}

/// A number, or the text where it is none.
fn number(text: &str) -> Value {
    let whole = text.parse::<i64>().ok().map(Number::from);
    let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64));
    number.map_or_else(|| text.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use dicom_core::value::DataSetSequence;
    use dicom_core::{DataElement, PrimitiveValue};
    use dicom_dictionary_std::tags;

    use super::*;

    #[test]
    fn attributes_are_as_the_standard_has_them() {
        let of = |vr, values: &[&str]| {
            attribute(vr, &values.iter().map(|text| (*text).into()).collect::<Vec<_>>())
        };
        assert_eq!(of(VR::UI, &["1.2\0"]), json!({"vr": "UI", "Value": ["1.2"]}));
        assert_eq!(of(VR::DS, &["0.25", "40"]), json!({"vr": "DS", "Value": [0.25, 40]}));
        assert_eq!(of(VR::DS, &["6.5e-1"]), json!({"vr": "DS", "Value": [0.65]}));
        assert_eq!(of(VR::LO, &[]), json!({"vr": "LO"}));
        assert_eq!(of(VR::LO, &[""]), json!({"vr": "LO"}));
        assert_eq!(
            of(VR::PN, &["DOE^JANE=X^Y"]),
            json!({"vr": "PN", "Value": [{"Alphabetic": "DOE^JANE", "Ideographic": "X^Y"}]})
        );
        let mut item = InMemDicomObject::new_empty();
        item.put(DataElement::new(tags::ICC_PROFILE, VR::OB, PrimitiveValue::from(vec![1_u8, 2])));
        let mut data = InMemDicomObject::new_empty();
        data.put(DataElement::new(tags::OPTICAL_PATH_SEQUENCE, VR::SQ, DataSetSequence::from(vec![item])));
        data.put(DataElement::new(tags::ROWS, VR::US, PrimitiveValue::from(256_u16)));
        let json = Value::Object(dataset(&data, &|tag| (tag == tags::ICC_PROFILE).then(|| "there".into())));
        assert_eq!(
            json,
            json!({
                "00280010": {"vr": "US", "Value": [256]},
                "00480105": {"vr": "SQ", "Value": [{"00282000": {"vr": "OB", "BulkDataURI": "there"}}]},
            })
        );
    }
}

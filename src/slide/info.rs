//! What a slide's file says about the slide.

/// Size, format and metadata of a slide.
#[derive(Debug, Clone, PartialEq)]
pub struct SlideInfo {
    /// Width of the full resolution, in pixels; at least 1.
    pub width: u32,
    /// Height of the full resolution, in pixels; at least 1.
    pub height: u32,
    /// 1 gray, 3 RGB.
    pub channels: u8,
    /// OpenSlide's name of the vendor (`aperio`, `hamamatsu`...), or `dicom`, `tiff`, `png`, `jpeg`.
    pub format: String,
    /// Microns per pixel across and down, when the file gives a value that is plausible for a microscope.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective (20, 40), when the file names it.
    pub objective_power: Option<f64>,
    /// Maker and model of the scanner, where the file names them.
    pub scanner: Option<String>,
    /// The embedded ICC colour profile, unchanged.
    pub icc_profile: Option<Vec<u8>>,
    /// Width and height of every resolution in the file that [`RandomAccess::read_level`](super::RandomAccess::read_level) reads, the
    /// full one first; that one alone, or none, where no smaller one is read.
    pub levels: Vec<(u32, u32)>,
    /// Width and height of the tiles in which the file stores the full resolution, if it is tiled and says so.
    pub tile: Option<(u32, u32)>,
    /// Names of other images in the file (label, macro, thumbnail).
    pub associated: Vec<String>,
    /// What the reader assumed where the file does not say, and what it left out: a sentence each, without the file's name.
    pub warnings: Vec<String>,
}

/// Most characters of a scanner's name.
const MAX_SCANNER_CHARS: usize = 100;

/// A scanner by its maker and its model, of which a file may give either, both or the maker in both.
pub fn scanner(maker: Option<&str>, model: Option<&str>) -> Option<String> {
    let plain = |text: &str| {
        let words: String =
            text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // DICOM files have to name both, and say this where nobody knows.
    let known = |text: &str| Some(plain(text)).filter(|text| text != "UNKNOWN").unwrap_or_default();
    let [maker, model] = [maker, model].map(|text| text.map(known).unwrap_or_default());
    let name =
        if model.starts_with(&maker) { model } else { format!("{maker} {model}").trim_end().to_string() };
    (!name.is_empty()).then(|| name.chars().take(MAX_SCANNER_CHARS).collect())
}

/// Makers of scanners, as files name them.
const MAKERS: [&str; 23] = [
    "3DHISTECH",
    "Akoya",
    "Akoya Biosciences",
    "Aperio",
    "Carl Zeiss",
    "Epredia",
    "Evident",
    "Grundium",
    "Hamamatsu",
    "Hamamatsu Photonics",
    "Huron",
    "Leica",
    "Leica Biosystems",
    "Motic",
    "Nikon",
    "Olympus",
    "PerkinElmer",
    "Philips",
    "Roche",
    "Sakura",
    "Trestle",
    "Ventana",
    "Zeiss",
];

/// The maker and the model of a [`scanner`], for formats that keep them apart. Together they are that scanner again. Where its name does not begin
/// with a maker that is known here, all of it is the model.
pub fn maker_and_model(name: Option<&str>) -> [Option<String>; 2] {
    let Some(name) = scanner(None, name) else { return [None, None] };
    let begins_with = |maker: &&str| {
        let (own, rest) = name.split_at_checked(maker.len())?;
        let is_maker = own.eq_ignore_ascii_case(maker) && (rest.is_empty() || rest.starts_with(' '));
        is_maker.then_some((own, rest.trim_start()))
    };
    // The longest one. A model that names the maker as well would be taken for the whole name.
    let found = MAKERS.iter().filter_map(begins_with).max_by_key(|(maker, _)| maker.len());
    match found.filter(|&(maker, model)| !model.starts_with(maker)) {
        Some((maker, model)) => [maker, model].map(|text| (!text.is_empty()).then(|| text.to_string())),
        None => [None, Some(name)],
    }
}

#[cfg(test)]
mod tests {
    use super::{maker_and_model, scanner};

    #[test]
    fn a_scanner_is_its_maker_and_its_model() {
        for (maker, model, name) in [
            (Some("Hamamatsu"), Some("NanoZoomer S360"), Some("Hamamatsu NanoZoomer S360")),
            (Some("Leica"), Some("Leica GT450"), Some("Leica GT450")),
            (Some(" 3DHISTECH\0"), None, Some("3DHISTECH")),
            (None, Some("C9600\r\n-02"), Some("C9600 -02")),
            (Some(" "), Some("\0"), None),
            (Some("UNKNOWN"), Some("UNKNOWN"), None),
            (None, None, None),
        ] {
            assert_eq!(scanner(maker, model).as_deref(), name);
        }
        assert_eq!(scanner(Some(&"x".repeat(300)), None).map(|name| name.len()), Some(100));
    }

    #[test]
    fn a_scanners_name_is_divided_and_put_together_again() {
        for (name, maker, model) in [
            ("Hamamatsu NanoZoomer S360", Some("Hamamatsu"), Some("NanoZoomer S360")),
            ("Leica Biosystems GT450", Some("Leica Biosystems"), Some("GT450")),
            ("HAMAMATSU C9600", Some("HAMAMATSU"), Some("C9600")),
            ("Leicas GT450", None, Some("Leicas GT450")),
            ("Leica Leica GT450", None, Some("Leica Leica GT450")),
            ("C13210", None, Some("C13210")),
            ("\u{c4}\u{d6} 1", None, Some("\u{c4}\u{d6} 1")),
            ("Aperio", Some("Aperio"), None),
        ] {
            let [own_maker, own_model] = maker_and_model(Some(name));
            assert_eq!((own_maker.as_deref(), own_model.as_deref()), (maker, model), "{name}");
            assert_eq!(scanner(maker, model).as_deref(), Some(name));
        }
        assert_eq!(maker_and_model(Some(" ")), [None, None]);
        assert_eq!(maker_and_model(None), [None, None]);
    }
}

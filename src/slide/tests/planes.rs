//! Channels, focal planes and points in time of a TIFF: refused with their list, chosen, blended.

use super::*;

const QPTIFF: &str = "<?xml version=\"1.0\"?><PerkinElmer-QPI-ImageDescription><ImageType>TYPE</ImageType>\
    <Name>NAME</Name><Color>COLOR</Color><Objective>20x</Objective></PerkinElmer-QPI-ImageDescription>";

fn open(pages: &[TiffFile], selection: Selection) -> Result<Slide, SlideError> {
    let folder = tempfile::tempdir().unwrap();
    open_bytes(folder.path(), "planes.tif", &file_of(pages), &OpenOptions { selection, ..built_in() })
}

/// The first pixel.
fn pixel(pages: &[TiffFile], selection: Selection) -> Vec<u8> {
    let mut slide = open(pages, selection).unwrap();
    let channels = usize::from(slide.info.channels);
    read_all(&mut slide).unwrap()[..channels].to_vec()
}

fn refusal(pages: &[TiffFile], selection: Selection) -> String {
    open(pages, selection).unwrap_err().to_string()
}

fn channels(numbers: &[u32]) -> Selection {
    Selection { channels: numbers.to_vec(), ..Selection::default() }
}

fn at(z: Option<u32>, time: Option<u32>) -> Selection {
    Selection { z, time, ..Selection::default() }
}

/// Pages of 4 x 4 pixels, each of one value.
fn gray(values: &[u8]) -> Vec<TiffFile> {
    values.iter().map(|&value| TiffFile::strips(4, 4, 1, vec![value; 16])).collect()
}

fn described(mut pages: Vec<TiffFile>, text: &str) -> Vec<TiffFile> {
    pages[0] = pages[0].clone().text(270, text);
    pages
}

/// OME-XML of one image.
fn ome(pixels: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" UUID=\"urn:uuid:1\">\
         <Instrument ID=\"Instrument:0\"><Objective ID=\"Objective:0\" NominalMagnification=\"40.0\"/></Instrument>\
         <Image ID=\"Image:0\"><ObjectiveSettings ID=\"Objective:0\"/>\
         <Pixels ID=\"Pixels:0\" SizeX=\"4\" SizeY=\"4\" Type=\"uint8\" {pixels}>{inner}</Pixels></Image></OME>"
    )
}

#[test]
fn pages_of_one_sample_are_channels() {
    let pages = gray(&[10, 100, 200]);
    assert_eq!(
        refusal(&pages, Selection::default()).split_once("tif: ").unwrap().1,
        "it has 3 channels: 0, 1, 2; choose those that are to be read"
    );
    assert_eq!(pixel(&pages, channels(&[1])), [100]);
    assert_eq!(pixel(&pages, channels(&[0, 1])), [10, 100, 0], "the palette starts with red and green");
    assert!(refusal(&pages, channels(&[3])).contains("no channel 3; it has channels 0 to 2"));
    let alone = gray(&[10]);
    assert_eq!(pixel(&alone, channels(&[0])), [10]);
    assert!(refusal(&alone, at(Some(1), None)).contains("no focal plane 1; it has focal planes 0 to 0"));
}

#[test]
fn samples_without_a_meaning_are_channels() {
    let values = [1, 2, 3, 4, 5];
    let page = |extras| TiffFile::strips(1, 1, 5, values.to_vec()).with(262, 3, vec![1]).with(338, 3, extras);
    assert!(refusal(&[page(vec![0; 4])], Selection::default()).contains("5 channels"));
    assert_eq!(pixel(&[page(vec![0; 4])], channels(&[4])), [5]);
    let planar = TiffFile { chunks: values.iter().map(|&value| vec![value]).collect(), ..page(vec![0; 4]) };
    assert_eq!(pixel(&[planar.with(284, 3, vec![2])], channels(&[3])), [4]);
    assert!(
        refusal(&[page(vec![0, 0, 0, 2])], Selection::default()).contains("4 channels"),
        "one is opacity"
    );
    let colors = TiffFile::strips(1, 1, 3, vec![1, 2, 3]);
    assert!(refusal(&[colors], channels(&[0])).contains("its pixels are colours"));
    let many = TiffFile::strips(1, 1, 6, vec![0; 6]).with(338, 3, vec![0; 3]);
    assert!(refusal(&[many], Selection::default()).contains("6 channels"));
}

#[test]
fn pages_of_colours_are_focal_planes() {
    let pages: Vec<_> = [10, 20].map(|value| TiffFile::strips(4, 4, 3, vec![value; 48])).to_vec();
    assert!(refusal(&pages, Selection::default()).contains("2 focal planes, 0 to 1; choose one"));
    assert_eq!(pixel(&pages, at(Some(1), None)), [20; 3]);
}

#[test]
fn ome_channels_have_names_colours_and_an_order() {
    // Colours are RGBA in signed numbers: red 0xFF0000FF, green 0x00FF00FF.
    let inner =
        "<Channel Name=\"DAPI\" Color=\"-16776961\"/><Channel Name=\"FITC\" Color=\"16711935\"/><TiffData/>";
    let text = ome("SizeC=\"2\" SizeZ=\"3\" SizeT=\"1\" DimensionOrder=\"XYZCT\"", inner);
    let pages = described(gray(&[1, 2, 3, 51, 52, 53]), &text);
    let chosen = |list: &[u32], z| Selection { z: Some(z), ..channels(list) };
    assert!(refusal(&pages, at(Some(0), None)).contains("2 channels: 0 DAPI, 1 FITC"));
    assert!(refusal(&pages, channels(&[0])).contains("3 focal planes, 0 to 2"));
    assert!(refusal(&pages, chosen(&[0], 3)).contains("no focal plane 3; it has focal planes 0 to 2"));
    assert_eq!(pixel(&pages, chosen(&[0, 1], 2)), [3, 53, 0]);
    assert_eq!(pixel(&pages, chosen(&[1], 0)), [0, 51, 0], "a channel alone has its colour too");
    let inner =
        inner.replace("<TiffData/>", "<TiffData IFD=\"3\" FirstC=\"1\" FirstZ=\"2\"/><TiffData IFD=\"0\"/>");
    let pages = described(gray(&[1, 2, 3, 51, 52, 53]), &ome("SizeC=\"2\" SizeZ=\"3\" SizeT=\"1\"", &inner));
    assert_eq!(pixel(&pages, chosen(&[1], 2)), [0, 51, 0]);
    assert!(refusal(&pages, chosen(&[1], 1)).contains("no page of this file"));
}

#[test]
fn more_planes_than_any_file_has_are_refused() {
    // As many as 2^64.
    let text = ome("SizeC=\"4194304\" SizeZ=\"2097152\" SizeT=\"2097152\"", "<TiffData/>");
    let refused = refusal(&described(gray(&[9]), &text), Selection::default());
    assert!(refused.contains("18446744073709551615 planes"), "{refused}");
}

#[test]
fn ome_planes_of_other_files_are_named() {
    let inner = "<TiffData IFD=\"0\" FirstC=\"0\"><UUID FileName=\"planes.tif\">urn:uuid:1</UUID></TiffData>\
                 <TiffData IFD=\"0\" FirstC=\"1\"><UUID FileName=\"other.tif\">urn:uuid:2</UUID></TiffData>";
    let pages =
        described(gray(&[9]), &ome("SizeC=\"2\" SizeZ=\"1\" SizeT=\"1\" DimensionOrder=\"XYCZT\"", inner));
    assert!(refusal(&pages, Selection::default()).contains("2 channels"));
    assert_eq!(pixel(&pages, channels(&[0])), [9]);
    assert!(refusal(&pages, channels(&[1])).contains("another file, other.tif"));
}

#[test]
fn channels_named_red_green_and_blue_are_one_image() {
    let named = |names: [&str; 3]| {
        let inner = names.map(|name| format!("<Channel Name=\"{name}\"/>")).concat() + "<TiffData/>";
        described(
            gray(&[10, 20, 30]),
            &ome("SizeC=\"3\" SizeZ=\"1\" SizeT=\"1\" DimensionOrder=\"XYCZT\"", &inner),
        )
    };
    assert_eq!(pixel(&named(["Red", "green", "B"]), Selection::default()), [10, 20, 30]);
    assert!(
        refusal(&named(["Blue", "Green", "Red"]), Selection::default()).contains("0 Blue, 1 Green, 2 Red")
    );
    let rgb = TiffFile::strips(4, 4, 3, vec![7; 48]);
    let text = ome("SizeC=\"3\" SizeZ=\"1\" SizeT=\"1\"", "<Channel SamplesPerPixel=\"3\"/><TiffData/>");
    assert_eq!(pixel(&described(vec![rgb], &text), Selection::default()), [7; 3]);
}

#[test]
fn ome_states_microns_objective_and_bits() {
    let sizes = "SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\" SignificantBits=\"12\" PhysicalSizeX=\"32.123456789\" \
                 PhysicalSizeY=\"250\" PhysicalSizeYUnit=\"nm\"";
    let wide: Vec<u8> = [0u16, 4095, 2048, 0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let page = TiffFile::strips(4, 1, 1, wide).with(258, 3, vec![16]).text(270, &ome(sizes, "<TiffData/>"));
    let mut slide = open(&[page], Selection::default()).unwrap();
    assert_eq!(slide.info.microns_per_pixel, Some((32.123456789, 0.25)));
    assert_eq!(slide.info.objective_power, Some(40.0));
    assert_eq!(read_all(&mut slide).unwrap(), [0, 255, 128, 0]);
    assert!(slide.info.warnings[0].contains("0 to 4095"), "{:?}", slide.info.warnings);
    let broken = TiffFile::strips(4, 4, 1, vec![0; 16]).text(270, "<OME openmicroscopy.org><");
    assert!(refusal(&[broken], Selection::default()).contains("OME-XML"));
}

#[test]
fn images_that_ome_names_labels_are_beside_the_slide() {
    let image = |name: &str, page: u32| {
        format!(
            "<Image Name=\"{name}\"><Pixels SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\"><TiffData IFD=\"{page}\"/></Pixels></Image>"
        )
    };
    let images = image("label image", 0) + &image("slide", 1) + &image("Macro", 2);
    let text = format!("<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\">{images}</OME>");
    let page = |side: u32, value| TiffFile::strips(side, side, 1, vec![value; (side * side) as usize]);
    let slide = open(&[page(9, 1).text(270, &text), page(6, 2), page(7, 3)], Selection::default()).unwrap();
    assert_eq!(
        (slide.info.width, slide.info.associated.as_slice()),
        (6, &["label".into(), "macro".into()][..])
    );
}

#[test]
fn imagej_hyperstacks_run_channels_first() {
    let text = "ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\nunit=\\u00B5m\n";
    let dense = |page: TiffFile| {
        page.with(282, 5, vec![2 | 25 << 32]).with(283, 5, vec![4 | 1 << 32]).with(296, 3, vec![1])
    };
    let values: Vec<u8> = (0..12).collect();
    let mut pages = described(gray(&values), text);
    pages[0] = dense(pages[0].clone());
    let all = Selection { z: Some(2), time: Some(1), ..channels(&[1]) };
    assert_eq!(pixel(&pages, all.clone()), [11]);
    let slide = open(&pages, all).unwrap();
    assert_eq!(slide.info.microns_per_pixel, Some((12.5, 0.25)));
    assert!(refusal(&pages, Selection { z: Some(0), ..channels(&[0]) }).contains("2 points in time, 0 to 1"));
    let cut = described(gray(&[1]), text);
    assert!(refusal(&cut, Selection::default()).contains("ImageJ stack of 12 planes, of which 1"));
    let pixels = described(gray(&[1]), "ImageJ=1.53t\nimages=1\nunit=pixel\n");
    assert_eq!(open(&pixels, Selection::default()).unwrap().info.microns_per_pixel, None);
}

#[test]
fn qptiff_channels_have_levels_and_images_beside_them() {
    let text = |kind: &str, name: &str, color: &str| {
        QPTIFF.replace("TYPE", kind).replace("NAME", name).replace("COLOR", color)
    };
    let tile = |width: u32, height: u32, value: u8| {
        let tiles = (width.div_ceil(64) * height.div_ceil(64)) as usize;
        TiffFile::tiles(width, height, 1, 64, 1, vec![vec![value; 4096]; tiles])
    };
    let full = |name, color, value| tile(200, 100, value).text(270, &text("FullResolution", name, color));
    let half =
        |value| tile(100, 50, value).text(270, &text("ReducedResolution", "", "")).with(254, 4, vec![1]);
    let beside = |kind| TiffFile::strips(300, 300, 3, vec![9; 270_000]).text(270, &text(kind, "", ""));
    let pages = [
        full("DAPI", "0,0,255", 100),
        full("Opal 520", "0,255,0", 50),
        beside("Thumbnail"),
        half(101),
        half(51),
        beside("Overview"),
        beside("Label"),
    ];
    assert!(refusal(&pages, Selection::default()).contains("2 channels: 0 DAPI, 1 Opal 520"));
    let slide = open(&pages, channels(&[0, 1])).unwrap();
    assert_eq!(slide.info.levels, [(200, 100), (100, 50)]);
    assert_eq!(slide.info.associated, ["thumbnail", "overview", "label"]);
    assert_eq!((slide.info.objective_power, slide.info.channels), (Some(20.0), 3));
    let Access::Random(pixels) = &slide.access else { unreachable!() };
    let read = |level| {
        let mut out = [0; 3];
        pixels.read_level(level, Region { x: 0, y: 0, width: 1, height: 1 }, &mut out).unwrap();
        out
    };
    assert_eq!((read(0), read(1)), ([0, 50, 100], [0, 51, 101]));
    assert!(slide.stored_tiles().err().unwrap().contains("several channels"));
}

#[test]
fn choices_are_refused_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encode_jpeg(&picture(16, 16, 3), 16, 3, JpegKind::Baseline);
    let window = Selection { window: Some((0, 9)), ..Selection::default() };
    for selection in [channels(&[0]), at(Some(0), None), at(None, Some(0)), window] {
        let options = OpenOptions { selection, ..built_in() };
        let error = open_bytes(folder.path(), "a.jpg", &jpeg, &options).unwrap_err();
        assert!(matches!(error, SlideError::NothingToChoose { .. }), "{error}");
    }
}

#[test]
fn channels_of_the_cases_folder_are_listed_and_chosen() {
    let Some(data) = test_data() else { return };
    let open = |name: &str, selection| {
        Slide::open(&data.join("cases").join(name), &OpenOptions { selection, ..built_in() })
    };
    for (name, count) in
        [("five-channels.tif", 5), ("wsireg-mc.tiff", 3), ("rgb-one-page-per-channel.ome.tif", 3)]
    {
        match open(name, Selection::default()) {
            Err(SlideError::ChooseChannels { channels, .. }) => assert_eq!(channels.len(), count, "{name}"),
            Ok(slide) => assert_eq!(slide.info.channels, 3, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
        let mut slide = open(name, channels(&[2])).unwrap();
        assert!(!read_all(&mut slide).unwrap().is_empty());
    }
}

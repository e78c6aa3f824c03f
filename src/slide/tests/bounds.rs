//! Small files that claim much: descriptions and tables that many pages share, planes without number, chunks that are not there.

use super::hostile::refused;
use super::*;

/// A file of one page, whose directory is there as often as said: the copies share all values.
fn repeated(page: &TiffFile, copies: usize) -> Vec<u8> {
    let mut file = page.bytes();
    let first = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let directory = file[first..].to_vec();
    for _ in 1..copies {
        // The place of the next directory is the last value of one.
        let at = (file.len() as u32).to_le_bytes();
        let end = file.len();
        file[end - 4..].copy_from_slice(&at);
        file.extend_from_slice(&directory);
    }
    file
}

fn ome(sizes: &str, inner: &str) -> String {
    format!(
        "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image><Pixels {sizes}>{inner}</Pixels></Image></OME>"
    )
}

#[test]
fn descriptions_are_counted_once_for_each_page_that_has_them() {
    let page = TiffFile::strips(8, 8, 1, vec![5; 64]).text(270, &"x".repeat(1 << 20));
    let error = refused("shared.tif", &repeated(&page, 65)).to_string();
    assert!(error.contains("more than 67108864 bytes of descriptions"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let chosen = Selection { channels: vec![3], ..Selection::default() };
    let options = OpenOptions { selection: chosen, ..built_in() };
    open_bytes(folder.path(), "few.tif", &repeated(&page, 60), &options).unwrap();
}

#[test]
fn pages_below_pages_count_as_pages() {
    // 1,100 pages, each with 64 below it.
    let below = TiffFile::strips(2, 2, 1, vec![5; 4]);
    let page = (0..64).fold(TiffFile::strips(8, 8, 1, vec![5; 64]), |page, _| page.above(below.clone()));
    let error = refused("below.tif", &file_of(&vec![page; 1100])).to_string();
    assert!(error.contains("more than 65536 pages"), "{error}");
}

#[test]
fn channels_and_planes_are_bounded_before_they_are_listed() {
    let gray = TiffFile::strips(4, 4, 1, vec![9; 16]);
    let text = ome("SizeC=\"4000000000\" SizeZ=\"1\" SizeT=\"1\"", "");
    let many = gray.clone().with(277, 3, vec![4096]).text(270, &text);
    let error = refused("channels.tif", &many.bytes()).to_string();
    // As many as the samples of all pages, rounded up to whole pages.
    assert!(error.contains("4000002048 channels"), "{error}");
    let again =
        ome("SizeC=\"1\" SizeZ=\"65536\" SizeT=\"1\"", &"<TiffData PlaneCount=\"65536\"/>".repeat(40));
    let error = refused("again.tif", &gray.clone().text(270, &again).bytes()).to_string();
    assert!(error.contains("65536 planes, which are listed again and again"), "{error}");
    let once = ome("SizeC=\"1\" SizeZ=\"65536\" SizeT=\"1\"", "<TiffData PlaneCount=\"65536\"/>");
    let error = refused("once.tif", &gray.text(270, &once).bytes()).to_string();
    assert!(error.contains("65536 focal planes"), "{error}");
}

#[test]
fn lists_of_tiles_take_a_part_of_the_memory_limit() {
    let many = |tiles: u64| {
        TiffFile::tiles(1, tiles as u32, 1, 1, 1, Vec::new())
            .with(324, 4, vec![8; tiles as usize])
            .with(325, 4, vec![1; tiles as usize])
            .bytes()
    };
    let error = refused("lists.tif", &many(600_000));
    // An eighth of 64 MiB.
    assert!(
        matches!(error, SlideError::TooLarge { limit_bytes: 8_388_608, needed_bytes: 9_600_000, .. }),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    open_bytes(folder.path(), "lists.tif", &many(500_000), &limited(64 << 20)).unwrap();
}

#[test]
fn absent_tiles_are_not_decoded() {
    // 63 MiB for each tile of 8192 x 8000, of which the limit allows one.
    let tile = encode_jpeg(&picture(16, 16, 1), 16, 1, JpegKind::Baseline);
    let file = TiffFile::tiles(16384, 8000, 1, 8192, 7, vec![Vec::new(), tile]).with(323, 4, vec![8000]);
    let folder = tempfile::tempdir().unwrap();
    let slide = open_bytes(folder.path(), "absent.tif", &file.bytes(), &limited(64 << 20)).unwrap();
    let Access::Random(regions) = &slide.access else { panic!("TIFF is random access") };
    let mut out = [0; 100];
    regions.read(8000, 10, 10, 10, &mut out).unwrap();
    assert_eq!(out, [255; 100]);
    assert!(regions.read(8190, 10, 10, 10, &mut out).is_err(), "the other tile is too small a JPEG");
}

#[test]
fn images_beside_a_slide_are_listed_up_to_a_number() {
    let other = |side: u32| TiffFile::strips(side, 3, 1, vec![7; side as usize * 3]);
    let pages: Vec<_> = [TiffFile::strips(1000, 1000, 1, vec![5; 1_000_000])]
        .into_iter()
        .chain((20..320).map(other))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let slide = open_bytes(folder.path(), "beside.tif", &file_of(&pages), &built_in()).unwrap();
    assert_eq!(slide.info.associated.len(), 256);
    assert!(
        slide.info.warnings.iter().any(|warning| warning == "44 more images beside the slide were left out")
    );
    assert_eq!(slide.associated_image("page 7").unwrap().rgb, [7; 26 * 3 * 3]);
}

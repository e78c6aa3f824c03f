//! What addresses mean, and which are refused.

use super::*;

fn of(region: &str, size: &str, rotation: &str, file: &str) -> Result<ImageRequest, ServeError> {
    parse((Version::Three, &Geometry::new(1000, 600, 256).unwrap()), region, size, rotation, file)
}

fn shape(region: &str, size: &str) -> (Region, (u32, u32)) {
    let request = of(region, size, "0", "default.jpg").unwrap();
    (request.region, request.size)
}

#[test]
fn regions_and_sizes_follow_the_specification() {
    let full = Region { x: 0, y: 0, width: 1000, height: 600 };
    assert_eq!(shape("full", "max"), (full, (1000, 600)));
    assert_eq!(shape("square", "max").0, Region { x: 200, y: 0, width: 600, height: 600 });
    assert_eq!(
        shape("900,500,300,300", "max"),
        (Region { x: 900, y: 500, width: 100, height: 100 }, (100, 100))
    );
    assert_eq!(shape("pct:10,50,50,25", "max").0, Region { x: 100, y: 300, width: 500, height: 150 });
    assert_eq!(shape("full", "500,").1, (500, 300));
    assert_eq!(shape("full", ",300").1, (500, 300));
    assert_eq!(shape("full", "pct:10").1, (100, 60));
    assert_eq!(shape("full", "70,90").1, (70, 90));
    assert_eq!(shape("full", "!200,200").1, (200, 120));
    assert_eq!(shape("pct:99.99,0,0.01,0.01", "max"), (Region { x: 999, y: 0, width: 1, height: 1 }, (1, 1)));
    // What may be enlarged and is not.
    for (size, want) in [
        ("^500,", (500, 300)),
        ("^,300", (500, 300)),
        ("^1000,600", (1000, 600)),
        ("^70,90", (70, 90)),
        ("^pct:100", (1000, 600)),
        ("^!200,200", (200, 120)),
        ("^!1000,9000", (1000, 600)),
    ] {
        assert_eq!(shape("full", size).1, want, "{size}");
    }
    assert_eq!(shape("0,0,7,1", "3,").1, (3, 1));
    let turned = of("full", "max", "270", "gray.png").unwrap();
    assert_eq!((turned.turns, turned.quality, turned.format), (3, Quality::Gray, Format::Png));
}

#[test]
fn max_is_the_largest_image_within_the_limits() {
    let size = |width, height, size| {
        let geometry = Geometry::new(width, height, 256).unwrap();
        parse((Version::Three, &geometry), "full", size, "0", "default.jpg").unwrap().size
    };
    for text in ["max", "^max"] {
        assert_eq!(size(20_000, 1, text), (8192, 1));
        assert_eq!(size(1, 1_000_000, text), (1, 8192));
        assert_eq!(size(100_000, 3, text), (8192, 1));
        assert_eq!(size(100_000, 100_000, text), (4096, 4096));
        assert_eq!(size(8192, 2048, text), (8192, 2048));
        for (w, h) in [(9001, 8191), (123_456, 7), (8193, 2048), (65_537, 65_535)] {
            let (width, height) = size(w, h, text);
            assert!(width.max(height) <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_AREA);
        }
    }
    assert_eq!(size(20_000, 1, "!9000,9000"), (8192, 1));
    assert_eq!(size(100_000, 100_000, "!9000,9000"), (4096, 4096));
    assert_eq!(size(20_000, 1, "8000,"), (8000, 1));
}

#[test]
fn malformed_and_unsupported_requests_are_distinguished() {
    let bad = [
        ("full", "1001,", "0", "default.jpg"),
        ("full", "0,", "0", "default.jpg"),
        ("full", "!2000,3000", "0", "default.jpg"),
        ("1000,0,10,10", "max", "0", "default.jpg"),
        ("0,0,0,10", "max", "0", "default.jpg"),
        ("0,0,10", "max", "0", "default.jpg"),
        ("-1,0,10,10", "max", "0", "default.jpg"),
        ("1e3,0,10,10", "max", "0", "default.jpg"),
        ("full", "full", "0", "default.jpg"),
        ("full", "^", "0", "default.jpg"),
        ("full", "^full", "0", "default.jpg"),
        ("full", "^^max", "0", "default.jpg"),
        ("full", "pct:100.01", "0", "default.jpg"),
        ("full", "!0,10", "0", "default.jpg"),
        ("full", "!10,0", "0", "default.jpg"),
        ("full", "!0,0", "0", "default.jpg"),
        ("full", "0,0", "0", "default.jpg"),
        ("full", ",0", "0", "default.jpg"),
        ("pct:0,0,0,10", "max", "0", "default.jpg"),
        ("pct:100,0,10,10", "max", "0", "default.jpg"),
        ("full", "max", "x", "default.jpg"),
        ("full", "max", "361", "default.jpg"),
        ("full", "max", "0", "nice.jpg"),
        ("full", "max", "0", "default.xyz"),
        ("full", "max", "0", "default"),
        ("18446744073709551616,0,1,1", "max", "0", "default.jpg"),
    ];
    for (region, size, rotation, file) in bad {
        assert!(
            matches!(of(region, size, rotation, file), Err(ServeError::Bad(_))),
            "{region}/{size}/{rotation}/{file}"
        );
    }
    for (size, rotation, file) in [
        ("^2000,", "0", "default.jpg"),
        ("^,601", "0", "default.jpg"),
        ("^1001,600", "0", "default.jpg"),
        ("^pct:101", "0", "default.jpg"),
        ("^!2000,2000", "0", "default.jpg"),
        ("^max", "0", "default.jpg"),
        ("max", "!0", "default.jpg"),
        ("max", "45", "default.jpg"),
        ("max", "0", "default.tif"),
    ] {
        assert!(
            matches!(of("full", size, rotation, file), Err(ServeError::Unsupported(_))),
            "{size}/{rotation}/{file}"
        );
    }
}

#[test]
fn version_2_has_full_for_max_and_nothing_that_enlarges() {
    let geometry = Geometry::new(20_000, 600, 256).unwrap();
    let of = |version, size| parse((version, &geometry), "0,0,9000,600", size, "0", "default.jpg");
    for version in [Version::Two, Version::Three] {
        assert_eq!(of(version, "max").unwrap().size, (8192, 546));
        assert!(of(version, "^max").is_err() == (version == Version::Two));
    }
    assert_eq!(of(Version::Two, "full").unwrap().size, (8192, 546));
    assert!(matches!(of(Version::Two, "^900,"), Err(ServeError::Bad(_))));
    assert!(matches!(of(Version::Three, "full"), Err(ServeError::Bad(_))));
    assert_eq!(of(Version::Three, "^900,").unwrap().size, (900, 60));
}

#[test]
fn an_image_on_the_grid_is_a_tile() {
    let geometry = Geometry::new(1000, 600, 256).unwrap();
    let tile = |region: &str, size: &str, rotation: &str, file: &str| {
        let request = of(region, size, rotation, file).unwrap();
        request.tile(&geometry).map(|id| (geometry.top_level() - id.level, id.x, id.y))
    };
    let plain = |region, size| tile(region, size, "0", "default.jpg");
    assert_eq!(plain("0,0,256,256", "max"), Some((0, 0, 0)));
    assert_eq!(plain("768,512,256,256", "max"), Some((0, 3, 2)), "cut off at the edge");
    assert_eq!(plain("768,512,232,88", "232,88"), Some((0, 3, 2)));
    assert_eq!(plain("512,0,488,512", "244,256"), Some((1, 1, 0)));
    assert_eq!(plain("full", "250,150"), Some((2, 0, 0)));
    assert_eq!(plain("full", "125,75"), Some((3, 0, 0)));
    assert_eq!(plain("full", "1,1"), Some((10, 0, 0)));
    for (region, size) in [
        ("0,0,256,256", "255,256"),
        ("1,0,256,256", "max"),
        ("0,0,255,256", "max"),
        ("256,0,512,512", "256,256"),
        ("full", "max"),
        ("full", "500,300"),
    ] {
        assert_eq!(plain(region, size), None, "{region}/{size}");
    }
    assert_eq!(tile("0,0,256,256", "max", "180", "default.jpg"), None);
    assert_eq!(tile("0,0,256,256", "max", "0", "gray.jpg"), None);
    assert_eq!(tile("0,0,256,256", "max", "360", "color.png"), Some((0, 0, 0)));
}

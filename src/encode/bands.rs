//! A slide in bands of whole rows of families, each encoded on its own, perhaps on another machine, and joined to one bundle.
//!
//! Families do not read each other, and the tables of their JPEGs are their own. Global to a slide are the small levels, which are made of
//! the L2 pixels of all families, the bytes that equal families share, the directory and the hash of the content. A band keeps records
//! and L2 pixels as they are, and joining runs the same assembly over them as an encode: so the bundle has the same bytes.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::assembly::{Assembly, check};
use super::families::{Measured, Work};
use super::options::{EncodeOptions, EncodeReport};
use crate::archive::{BandReader, BandWriter};
use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::params::EncodeParams;
use crate::pyramid::loaded::L2Pixels;
use crate::pyramid::source::Source;

/// The rows of families of each band, so that none but those of a single row has more than `most` families. They are about equal.
pub fn bands(geometry: &Geometry, most: u64) -> Vec<Range<u32>> {
    let (cols, rows) = geometry.families();
    let rows_each = u32::try_from(most / u64::from(cols.max(1))).unwrap_or(u32::MAX).clamp(1, rows.max(1));
    let count = rows.div_ceil(rows_each).max(1);
    let border = |n: u32| (u64::from(rows) * u64::from(n) / u64::from(count)) as u32;
    (0..count).map(|n| border(n)..border(n + 1)).collect()
}

/// How a band is encoded.
pub struct Band<'a> {
    /// Its rows of families.
    pub rows: Range<u32>,
    /// As the whole slide is.
    pub params: &'a EncodeParams,
    /// As for the whole slide; it has neither a manifest nor other measurements, which are of the whole slide.
    pub options: &'a EncodeOptions,
}

/// Encodes the families of a band to `file`.
///
/// `progress` is called after every family with how many are done.
///
/// # Errors
/// As [`super::encode`]; rows that the slide does not have.
pub fn encode_band(
    source: &mut Source,
    file: &Path,
    band: &Band<'_>,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let Band { rows, params, options } = band;
    check(source, params, options)?;
    let geometry = *source.geometry();
    let (cols, all) = geometry.families();
    if rows.is_empty() || rows.end > all {
        let problem =
            format!("it has {all} rows of families, and not the rows {} to {}", rows.start, rows.end);
        return Err(Error::input(source.path(), problem));
    }
    let identity = source.identity()?;
    let families = rows.start as usize * cols as usize..rows.end as usize * cols as usize;
    let mut writer = BandWriter::create(file, families.len() as u32)?;
    let out = file.parent().unwrap_or(Path::new(""));
    let work = Work { geometry, out, params, options, losses: None, families, backend, scheduler };
    let mut done = 0;
    work.run(source, &mut |(id, record, _, block)| {
        writer.add(id, &record, &block.map_or_else(Vec::new, |block| block.samples))?;
        done += 1;
        progress(done);
        Ok(())
    })?;
    source.check_unchanged(&identity)?;
    Ok(writer.finish()?)
}

/// Joins the bands of a slide, in their order, to what [`super::encode`] makes of it.
///
/// # Errors
/// As [`super::encode`]; a band that is damaged or missing.
pub fn join_bands(
    source: &mut Source,
    out: &Path,
    params: &EncodeParams,
    options: &EncodeOptions,
    bands: &[PathBuf],
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<EncodeReport> {
    let assembly = Assembly { out, params, options, complete: true, scheduler, progress };
    assembly.run(source, &mut |source, take| {
        let geometry = *source.geometry();
        let mut expected = geometry.all_families();
        for path in bands {
            let mut band = BandReader::open(path)?;
            while let Some((id, record, rest)) = band.next(&geometry)? {
                scheduler.check()?;
                if expected.next() != Some(id) {
                    let problem =
                        format!("family {id} is not the next one; the bands are not those of this slide");
                    return Err(Error::input(path, problem));
                }
                let block = l2_pixels(source, id, rest).map_err(|problem| Error::input(path, problem))?;
                take((id, record, Measured::default(), block))?;
            }
        }
        match expected.next() {
            Some(id) => Err(Error::input(source.path(), format!("family {id} is in none of its bands"))),
            None => Ok(()),
        }
    })
}

/// Samples of a family at L2 that come with its record: rows tightly packed. A tree has none.
fn l2_pixels(source: &Source, id: FamilyId, samples: Vec<u8>) -> Result<Option<L2Pixels>, &'static str> {
    let Source::Slide(slide, geometry) = source else {
        return if samples.is_empty() {
            Ok(None)
        } else {
            Err("it has pixels of a family, and is of a tree")
        };
    };
    let tile = geometry.l2().map(|level| TileId { level, x: id.x(), y: id.y() });
    let size = tile.and_then(|tile| geometry.tile_rect(tile));
    let size = size.map(|rect| (rect.width as usize, rect.height as usize));
    match size {
        Some((width, height)) if samples.len() == width * height * usize::from(slide.info.channels) => {
            Ok(Some(L2Pixels { samples, width, height }))
        }
        _ => Err("the pixels of a family do not have its size"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::backend::{Cancel, CpuBackend};
    use crate::codec::encode_png;
    use crate::encode::encode;
    use crate::slide::{OpenOptions, Slide};

    /// A slide of 5 x 4 families in tiles of 16; half of them are white, and so equal.
    fn slide(dir: &Path) -> PathBuf {
        let (width, height) = (300, 230);
        let sample = |i: usize| {
            let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
            if x > width / 2 { 255 } else { ((x * 7 + y * 3 + c * 40) % 200 + x * y % 31) as u8 }
        };
        let pixels: Vec<u8> = (0..3 * width * height).map(sample).collect();
        let path = dir.join("slide.png");
        fs::write(&path, encode_png(&pixels, 3, width, height).unwrap()).unwrap();
        path
    }

    fn open(path: &Path) -> Source {
        let slide = Slide::open(path, &OpenOptions::default()).unwrap();
        let geometry = Geometry::new(slide.info.width, slide.info.height, 16).unwrap();
        Source::Slide(Box::new(slide), geometry)
    }

    /// Encodes in bands of at most so many families; returns their files.
    fn in_bands(path: &Path, dir: &Path, most: u64, scheduler: &Scheduler) -> Vec<PathBuf> {
        let (params, options) = (EncodeParams::default(), EncodeOptions::default());
        let rows = bands(open(path).geometry(), most);
        let encoded = rows.into_iter().map(|rows| {
            let file = dir.join(format!("{}.band", rows.start));
            let band = Band { rows, params: &params, options: &options };
            encode_band(&mut open(path), &file, &band, &CpuBackend::new(), scheduler, &|_| ()).unwrap();
            file
        });
        encoded.collect()
    }

    fn joined(path: &Path, out: &Path, bands: &[PathBuf], scheduler: &Scheduler) -> Result<Vec<u8>> {
        let (params, options) =
            (EncodeParams::default(), EncodeOptions { packs: true, ..EncodeOptions::default() });
        let report = join_bands(&mut open(path), out, &params, &options, bands, scheduler, &|_| ())?;
        Ok(fs::read(report.bundle).unwrap())
    }

    #[test]
    fn bands_have_whole_rows_and_are_about_equal() {
        let geometry = Geometry::new(300, 230, 16).unwrap();
        assert_eq!(geometry.families(), (5, 4));
        let rows = |geometry: &Geometry, most| {
            bands(geometry, most).into_iter().map(|rows| (rows.start, rows.end)).collect::<Vec<_>>()
        };
        assert_eq!(rows(&geometry, 20), [(0, 4)]);
        assert_eq!(rows(&geometry, 19), [(0, 2), (2, 4)]);
        assert_eq!(rows(&geometry, 1), [(0, 1), (1, 2), (2, 3), (3, 4)], "a row is not cut");
        let without = Geometry::new(2, 2, 16).unwrap();
        assert_eq!(rows(&without, 5), [(0, 0)], "a slide without families is one band");
    }

    #[test]
    fn joined_bands_have_the_bytes_of_an_encode() {
        let (dir, scheduler) = (tempfile::tempdir().unwrap(), Scheduler::new(2).unwrap());
        let path = slide(dir.path());
        let options = EncodeOptions { packs: true, ..EncodeOptions::default() };
        let out = dir.path().join("whole");
        let params = EncodeParams::default();
        encode(&mut open(&path), &out, &params, &options, &CpuBackend::new(), &scheduler, &|_| ()).unwrap();
        let packs = |out: &Path| {
            let mut files: Vec<_> = fs::read_dir(out.join(crate::archive::PACK_DIR))
                .unwrap()
                .map(|f| f.unwrap().path())
                .collect();
            files.sort();
            files
                .iter()
                .map(|file| (file.file_name().unwrap().to_owned(), fs::read(file).unwrap()))
                .collect::<Vec<_>>()
        };
        for most in [1, 5, 12, 100] {
            let files = in_bands(&path, dir.path(), most, &scheduler);
            let joined_out = dir.path().join(format!("joined-{most}"));
            joined(&path, &joined_out, &files, &scheduler).unwrap();
            assert!(packs(&joined_out) == packs(&out), "bands of {most}");
        }
    }

    #[test]
    fn a_band_that_is_damaged_missing_or_twice_is_refused() {
        let (dir, scheduler) = (tempfile::tempdir().unwrap(), Scheduler::new(1).unwrap());
        let path = slide(dir.path());
        let files = in_bands(&path, dir.path(), 10, &scheduler);
        let refused = |bands: &[PathBuf]| {
            joined(&path, &dir.path().join("out"), bands, &scheduler).unwrap_err().to_string()
        };
        assert!(refused(&files[..1]).contains("is in none of its bands"));
        assert!(refused(&[files[0].clone(), files[0].clone()]).contains("is not the next one"));
        let good = fs::read(&files[1]).unwrap();
        for at in (0..good.len()).step_by(good.len() / 97) {
            let mut bad = good.clone();
            bad[at] ^= 4;
            fs::write(&files[1], bad).unwrap();
            assert!(refused(&files).contains("expected"), "byte {at}");
        }
        fs::write(&files[1], &good[..good.len() - 1]).unwrap();
        assert!(refused(&files).contains("expected"));
        assert!(!dir.path().join("out/residual_packs/residuals.bundle").exists());
    }

    #[test]
    fn joining_ends_when_it_is_cancelled() {
        let (dir, cancel) = (tempfile::tempdir().unwrap(), Cancel::default());
        let path = slide(dir.path());
        let files = in_bands(&path, dir.path(), 10, &Scheduler::new(1).unwrap());
        cancel.request();
        let scheduler = Scheduler::new(1).unwrap().cancelled_by(cancel);
        assert!(joined(&path, &dir.path().join("out"), &files, &scheduler).is_err());
    }
}

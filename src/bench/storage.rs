//! The families of a bundle: read as a caller that can wait reads them, against plain reads of the same file; and those of the same
//! bundle at an address, against the local file.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use origami::archive::Archive;
use origami::backend::{Backend, CpuBackend};
use origami::image::family::Want;
use origami::image::ycc::Sampling;
use origami::residual::FamilyDecoder;
use origami::store::{FileStore, ReadAt};

use super::stats::{median, median_ratio};

/// Medians over the families.
pub struct StorageTimes {
    /// Number of families.
    pub families: usize,
    /// A plain read of a family's bytes into memory, in microseconds.
    pub plain_us: f64,
    /// The same by a reader that could wait, in microseconds.
    pub awaited_us: f64,
    /// The second divided by the first.
    pub ratio: f64,
    /// Of the bundle at an address, if there is one.
    pub far: Option<FarTimes>,
}

/// Medians over the families of a bundle at an address, none of which was read before.
pub struct FarTimes {
    /// A family read, checked and reconstructed from the local file, in milliseconds.
    pub local_ms: f64,
    /// The same from the address, in milliseconds.
    pub far_ms: f64,
    /// The second divided by the first.
    pub ratio: f64,
}

/// Times every family; each time of the local file is the shortest of `rounds`.
pub fn measure(bundle: &Path, far: Option<&Path>, rounds: usize) -> Result<StorageTimes> {
    let archive = Archive::open(bundle)?;
    if archive.meta().coding.originals || archive.families().is_empty() {
        bail!("{}: it has no residuals to reconstruct; give a bundle of another preset", bundle.display());
    }
    let (file, reader) = (FileStore::from_file(File::open(bundle)?), origami::store::open(bundle)?);
    let (mut plain, mut awaited) = (Vec::new(), Vec::new());
    for entry in archive.families() {
        let (mut best_plain, mut best_awaited) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..rounds.max(1) {
            let start = Instant::now();
            let mut bytes = vec![0; entry.bytes as usize];
            file.read_exact_at(&mut bytes, entry.offset)?;
            black_box(bytes);
            best_plain = best_plain.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            black_box(pollster::block_on(reader.read(entry.offset, entry.bytes as usize))?);
            best_awaited = best_awaited.min(start.elapsed().as_secs_f64());
        }
        plain.push(best_plain * 1e6);
        awaited.push(best_awaited * 1e6);
    }
    Ok(StorageTimes {
        families: plain.len(),
        plain_us: median(&plain),
        awaited_us: median(&awaited),
        ratio: median_ratio(&awaited, &plain),
        far: far.map(|address| compare(&archive, address)).transpose()?,
    })
}

/// Reconstructs each family from the local file and from the address, in turn.
fn compare(archive: &Archive, address: &Path) -> Result<FarTimes> {
    let far = Archive::open(address)?;
    if far.identity() != archive.identity() {
        bail!("{}: it is another bundle than {}", address.display(), archive.path().display());
    }
    let (mut local_ms, mut far_ms) = (Vec::new(), Vec::new());
    for entry in archive.families() {
        local_ms.push(cold(archive, entry)?);
        far_ms.push(cold(&far, entry)?);
    }
    Ok(FarTimes {
        local_ms: median(&local_ms),
        far_ms: median(&far_ms),
        ratio: median_ratio(&far_ms, &local_ms),
    })
}

/// Milliseconds until a family is reconstructed.
fn cold(archive: &Archive, entry: &origami::archive::FamilyEntry) -> Result<f64> {
    let coding = &archive.meta().coding;
    let start = Instant::now();
    let record = pollster::block_on(archive.load_family(entry))?;
    let decoded =
        FamilyDecoder { geometry: archive.geometry(), coding, id: entry.id, record: &record }.decode()?;
    let want = Want::Planes(Sampling::S420);
    black_box(pollster::block_on(CpuBackend::new().reconstruct(coding, &decoded, want))?);
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

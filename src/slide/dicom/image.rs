//! One image of a series: its parts put together, its size, tiles and planes checked (PS3.3 sections C.8.12.4 and C.7.6.17).
//!
//! It knows in which file each tile of each plane lies. It deliberately does not decode pixels, nor choose planes.

use super::super::error::SlideError;
use super::elements::FORMAT;
use super::format::Format;
use super::frames::{Frames, Wanted};
use super::header::{Header, Position};
use super::series::Member;
use super::syntax::Coding;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place for a tile: optical path, focal plane, row and column of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TilePlace {
    pub path: u32,
    pub plane: u32,
    pub row: u32,
    pub column: u32,
}

/// One image: a resolution of the slide, its label, or another view.
#[derive(Debug)]
pub(super) struct Image {
    pub width: u32,
    pub height: u32,
    pub format: Format,
    /// Identifiers of its optical paths; at least one.
    pub paths: Vec<String>,
    /// Focal planes; at least 1.
    pub planes: u32,
    /// Their depths, ascending; none where frames do not say theirs.
    pub depths: Vec<f64>,
    /// What its first file says, for metadata.
    pub header: Header,
    grid: Grid,
    /// Its files, with the number of their first frame.
    parts: Vec<(u32, Frames)>,
}

#[derive(Debug)]
enum Grid {
    /// Every tile of every plane, in order.
    Full,
    /// Frames by their place; a tile that is missing has none.
    Sparse(HashMap<TilePlace, u32>),
}

impl Image {
    /// Puts the files of one image together: `lead` has its first frames, `rest` the others, in order.
    pub fn assemble(lead: Member, rest: Vec<Member>, limit_bytes: u64) -> Result<Self, SlideError> {
        let path = lead.file.path().to_path_buf();
        let corrupt = |place: &str, problem: String| SlideError::corrupt(&path, FORMAT, place, problem);
        let format = Format::of(&lead.header, lead.syntax.coding, &path)?;
        format.check_memory(&path, limit_bytes)?;
        let header = Header { positions: Vec::new(), ..lead.header.clone() };
        let part_count = 1 + rest.len();
        let (mut positions, mut parts, mut first) = (Vec::new(), Vec::new(), 0u32);
        for Member { file, header: own, syntax } in std::iter::once(lead).chain(rest) {
            let total = |header: &Header| (header.total_columns, header.total_rows);
            if Format::of(&own, syntax.coding, file.path())? != format || total(&own) != total(&header) {
                let problem =
                    format!("it differs in size or pixels from {}, a part of the same image", path.display());
                return Err(SlideError::corrupt(file.path(), FORMAT, "concatenation", problem));
            }
            if own.concatenation.frame_offset.unwrap_or(first) != first {
                return Err(missing_part(&path, &own, part_count, first));
            }
            let count = own.frames.unwrap_or(1);
            let missing = || SlideError::corrupt(file.path(), FORMAT, "data set", "no pixel data");
            let wanted = Wanted {
                count,
                native_bytes: format.native_bytes().filter(|_| format.coding == Coding::Native),
                pixels: own.pixels.ok_or_else(missing)?,
                extended_offsets: own.extended_offsets,
            };
            parts.push((first, Frames::locate(Arc::clone(&file), &wanted, limit_bytes)?));
            let too_many = || corrupt("concatenation", "more than 2^32 frames".into());
            first = first.checked_add(count).ok_or_else(too_many)?;
            let shared = own.shared_path;
            positions.extend(
                own.positions
                    .into_iter()
                    .map(|position| Position { path: position.path.or_else(|| shared.clone()), ..position }),
            );
        }
        if header.concatenation.total.is_some_and(|total| total as usize != part_count) {
            return Err(missing_part(&path, &header, part_count, first));
        }
        let no_size =
            || corrupt("data set", "no size of the total pixel matrix, or an impossible one".into());
        let (width, height) = size(&header, first).ok_or_else(no_size)?;
        let placed = positions.iter().any(|position| position.column.is_some());
        let full = header.organization.as_deref().map_or(!placed, |kind| kind == "TILED_FULL");
        let paths = path_names(&header, if full { &[] } else { &positions });
        let planes = header.focal_planes.unwrap_or(1).max(1);
        let depths = Vec::new();
        let mut image =
            Self { width, height, format, paths, planes, depths, header, grid: Grid::Full, parts };
        match full {
            true => image.check_full(&path, first)?,
            false => image.place(&path, first, &positions)?,
        }
        Ok(image)
    }

    /// Tiles in a row.
    pub fn across(&self) -> u32 {
        self.width.div_ceil(self.format.width)
    }

    /// Rows of tiles.
    pub fn down(&self) -> u32 {
        self.height.div_ceil(self.format.height)
    }

    /// Where the file is that an error concerns, if it is none of a frame.
    pub fn path(&self) -> PathBuf {
        self.parts.first().map(|(_, frames)| frames.file().path().to_path_buf()).unwrap_or_default()
    }

    /// The file, number in it and number in the image of the frame at a place; `None` for a tile that is missing.
    pub fn frame(&self, place: TilePlace) -> Option<(&Frames, u32, u32)> {
        let frame = match &self.grid {
            Grid::Full => {
                let tiles = self.across() * self.down();
                // Checked by `check_full`: all frames have a number of 32 bits.
                (place.path * self.planes + place.plane) * tiles + place.row * self.across() + place.column
            }
            Grid::Sparse(frames) => *frames.get(&place)?,
        };
        let (first, frames) = self.parts.iter().rev().find(|(first, _)| *first <= frame)?;
        Some((frames, frame - first, frame))
    }

    /// How many tiles of a plane are missing.
    pub fn missing(&self, path: u32, plane: u32) -> u64 {
        let all = u64::from(self.across()) * u64::from(self.down());
        match &self.grid {
            Grid::Full => 0,
            Grid::Sparse(frames) => {
                let there = frames.keys().filter(|place| (place.path, place.plane) == (path, plane)).count();
                all - there as u64
            }
        }
    }

    /// Whether a tile of a plane is missing whose pixels `finer` has, of which this is a smaller copy.
    pub fn lacks(
        &self,
        (path, plane): (u32, u32),
        finer: &Self,
        (finer_path, finer_plane): (u32, u32),
    ) -> bool {
        let missing = self.missing(path, plane);
        let Grid::Sparse(frames) = &finer.grid else { return missing > 0 };
        let own = |at: u32, side: u32, finer_size: u32, size: u32, own_side: u32| {
            // The middle of the finer tile, or of its part inside the image.
            let first = u64::from(at) * u64::from(side);
            let middle = first + (u64::from(finer_size) - first).min(side.into()) / 2;
            (middle * u64::from(size) / u64::from(finer_size)) as u32 / own_side
        };
        let is_missing = |place: &TilePlace| {
            let column = own(place.column, finer.format.width, finer.width, self.width, self.format.width);
            let row = own(place.row, finer.format.height, finer.height, self.height, self.format.height);
            self.frame(TilePlace { path, plane, row, column }).is_none()
        };
        let of_plane = |place: &&TilePlace| (place.path, place.plane) == (finer_path, finer_plane);
        missing > 0 && frames.keys().filter(of_plane).any(is_missing)
    }

    fn check_full(&self, path: &Path, frames: u32) -> Result<(), SlideError> {
        let planes = self.paths.len() as u128 * u128::from(self.planes);
        let needed = u128::from(self.across()) * u128::from(self.down()) * planes;
        if needed == u128::from(frames) {
            return Ok(());
        }
        let (width, height) = (self.width, self.height);
        let problem =
            format!("{frames} frames, where {width}x{height} pixels in {planes} planes have {needed}");
        Err(SlideError::corrupt(path, FORMAT, "number of frames", problem))
    }

    /// Finds the place of each frame that has a position.
    fn place(&mut self, path: &Path, frames: u32, positions: &[Position]) -> Result<(), SlideError> {
        let corrupt = |frame: usize, problem: String| {
            SlideError::corrupt(path, FORMAT, format!("position of frame {}", frame + 1), problem)
        };
        if positions.len() != frames as usize {
            return Err(corrupt(
                positions.len(),
                format!("{} positions for {frames} frames", positions.len()),
            ));
        }
        let depths = depths(positions);
        let mut placed = HashMap::new();
        for (frame, position) in positions.iter().enumerate() {
            let side =
                |at: Option<i64>, of: u32| u32::try_from(at?.checked_sub(1)?).ok().filter(|&at| at < of);
            let (Some(x), Some(y)) = (side(position.column, self.width), side(position.row, self.height))
            else {
                let problem = format!("it is outside {}x{} pixels, or has none", self.width, self.height);
                return Err(corrupt(frame, problem));
            };
            if x % self.format.width != 0 || y % self.format.height != 0 {
                let what = format!("frames off the grid of tiles (frame {} at {x}, {y})", frame + 1);
                let advice = "convert it to tiles that lie side by side";
                return Err(SlideError::unsupported(path, FORMAT, what, advice));
            }
            let own = position.path.as_deref().unwrap_or_default();
            let in_list = self.paths.iter().position(|name| name == own).unwrap_or(0);
            let depth = position.z.unwrap_or(0.0);
            let place = TilePlace {
                path: in_list as u32,
                plane: depths.partition_point(|&known| known < depth) as u32,
                row: y / self.format.height,
                column: x / self.format.width,
            };
            if placed.insert(place, frame as u32).is_some() {
                return Err(corrupt(frame, "another frame has the same".into()));
            }
        }
        self.planes = (depths.len() as u32).max(1);
        self.depths = depths;
        self.grid = Grid::Sparse(placed);
        Ok(())
    }
}

/// The error of a concatenation that lacks a part.
fn missing_part(path: &Path, header: &Header, found: usize, frame: u32) -> SlideError {
    let total = header.concatenation.total.map_or_else(String::new, |total| format!(" of {total}"));
    let problem = format!("{found}{total} parts are there, and frame {} is in none", u64::from(frame) + 1);
    SlideError::corrupt(path, FORMAT, "concatenation", problem)
}

/// Width and height, at least 1. One frame is its own image where nothing else is said.
fn size(header: &Header, frames: u32) -> Option<(u32, u32)> {
    let size = match (header.total_columns, header.total_rows) {
        (Some(width), Some(height)) => (width, height),
        _ if frames == 1 => header.columns.zip(header.rows)?,
        _ => return None,
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Identifiers of the optical paths: those that frames name, in the order of the file's list; the whole list where none does.
fn path_names(header: &Header, positions: &[Position]) -> Vec<String> {
    let listed = || header.paths.iter().map(|path| &path.identifier);
    let named: HashSet<&String> = positions.iter().filter_map(|position| position.path.as_ref()).collect();
    let mut names: Vec<String> =
        listed().filter(|name| named.is_empty() || named.contains(name)).cloned().collect();
    let mut unlisted: Vec<_> = named.into_iter().filter(|name| !names.contains(name)).cloned().collect();
    unlisted.sort();
    names.extend(unlisted);
    if names.is_empty() {
        names.push(String::new());
    }
    names
}

/// The depths of the focal planes, ascending.
fn depths(positions: &[Position]) -> Vec<f64> {
    let mut depths: Vec<f64> =
        positions.iter().map(|position| position.z.unwrap_or(0.0)).filter(|z| z.is_finite()).collect();
    depths.sort_by(f64::total_cmp);
    depths.dedup();
    depths
}

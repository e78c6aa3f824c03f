//! The quantised DCT coefficients of a JPEG and the quantiser steps.

use std::ffi::{c_int, c_short};

use turbojpeg_sys as sys;

use super::handle::failed;
use super::transform::{WHOLE, handle};
use crate::codec::error::Result;

/// One component of a JPEG.
pub struct Component {
    /// Blocks in a row. Blocks without samples, which fill up MCUs, are left out.
    pub columns: usize,
    /// Rows of blocks.
    pub rows: usize,
    /// Coefficients, block by block; each block row by row.
    pub blocks: Vec<[i16; 64]>,
    /// Quantiser steps, in zigzag order.
    pub steps: [u16; 64],
}

/// Samples of a block, each way.
const SIDE: c_int = 8;

/// The components in the order of the file.
///
/// # Errors
/// Damaged bytes; markers in another order than JPEG's.
pub fn coefficients(jpeg: &[u8]) -> Result<Vec<Component>> {
    let steps = tables(jpeg).ok_or_else(|| failed("its tables cannot be found".into()))?;
    let mut components = Vec::<Component>::new();
    let mut handle = handle()?;
    let transform = sys::tjtransform {
        r: WHOLE,
        op: sys::TJXOP_TJXOP_NONE as i32,
        options: sys::TJXOPT_NOOUTPUT as i32,
        data: (&raw mut components).cast(),
        customFilter: Some(collect),
    };
    let (mut out, mut size) = (std::ptr::null_mut::<u8>(), 0);
    // SAFETY: pointer and length of one live slice; one transform, whose `data` is the list that `collect` expects and that
    // lives until the call is over; NOOUTPUT leaves `out` null.
    let rc = unsafe {
        sys::tj3Transform(handle.0, jpeg.as_ptr(), jpeg.len() as _, 1, &mut out, &mut size, &transform)
    };
    // SAFETY: null, or memory of TurboJPEG; freed once.
    unsafe { sys::tj3Free(out.cast()) };
    handle.check(rc)?;
    for (i, component) in components.iter_mut().enumerate() {
        component.steps = *steps.get(i).ok_or_else(|| failed("a component without a table".into()))?;
        if component.blocks.len() != component.columns * component.rows {
            return Err(failed("a component without all of its blocks".into()));
        }
    }
    Ok(components)
}

/// Called by TurboJPEG with every row of blocks of every component, in order.
///
/// # Safety
/// `transform` points to the transform of [`coefficients`]; `blocks` points to the coefficients of `row`.
unsafe extern "C" fn collect(
    blocks: *mut c_short,
    row: sys::tjregion,
    plane: sys::tjregion,
    component: c_int,
    _transform_number: c_int,
    transform: *mut sys::tjtransform,
) -> c_int {
    // The last MCU row may have rows of blocks below the plane.
    if row.y >= plane.h {
        return 0;
    }
    // SAFETY: `data` is the list of `coefficients`, which does not touch it during the call.
    let components = unsafe { &mut *(*transform).data.cast::<Vec<Component>>() };
    let (columns, rows) = ((row.w / SIDE) as usize, (plane.h / SIDE) as usize);
    if component as usize == components.len() {
        components.push(Component { columns, rows, blocks: Vec::new(), steps: [0; 64] });
    }
    let Some(of) = components.get_mut(component as usize) else { return -1 };
    // SAFETY: TurboJPEG passes `row.w` x 8 coefficients, 64 for each block, one block after the other.
    let coefficients = unsafe { std::slice::from_raw_parts(blocks, 64 * columns) };
    of.blocks.extend_from_slice(coefficients.as_chunks().0);
    0
}

/// The quantiser steps of each component, from the markers before the first scan.
fn tables(jpeg: &[u8]) -> Option<Vec<[u16; 64]>> {
    let (mut tables, mut of_component) = ([None; 4], Vec::new());
    let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (&[0xFF, marker, high, low], after) = rest.split_first_chunk::<4>()? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?;
        let (mut body, next) = after.split_at_checked(length)?;
        match marker {
            0xDB => {
                while let Some((&kind, table)) = body.split_first() {
                    let (table, more) = table.split_first_chunk::<64>()?;
                    // 16-bit steps (kinds 16 and up) belong to 12-bit samples.
                    *tables.get_mut(usize::from(kind))? = Some(table.map(u16::from));
                    body = more;
                }
            }
            0xC0..=0xC2 => {
                let components = body.get(6..)?.chunks_exact(3);
                of_component = components.map(|component| usize::from(component[2])).collect();
            }
            0xDA => return of_component.iter().map(|&table| *tables.get(table)?).collect(),
            _ => {}
        }
        rest = next;
    }
}

// Blocks of 8 x 8 coefficients in device memory, and their records. This text precedes `forward`,
// `inverse` and `pack`.
//
// A plane of blocks has a record of RECORD_WORDS words for each block, row by row: 32 words with two signed
// 16-bit coefficients each, in zigzag order; two words with a bit for each coefficient that is not zero; a
// word of flags; the word at which its values begin (`pack`).

const MASK_AT: u32 = 32u;
const FLAGS_AT: u32 = 34u;
const OFFSET_AT: u32 = 35u;

// Blocks across of a plane.
fn blocks_across(job: Job) -> u32 {
    return (job.width + 7u) / 8u;
}

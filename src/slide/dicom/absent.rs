//! The colour of tiles that a file leaves out: its recommendation in CIELab (PS3.3 section C.10.7.1.1), as sRGB.

/// White of the profile connection space, D50.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];
/// XYZ of D50 to linear sRGB, adapted by Bradford.
const TO_SRGB: [[f64; 3]; 3] = [
    [3.133_856_1, -1.616_866_7, -0.490_614_6],
    [-0.978_768_4, 1.916_141_5, 0.033_454],
    [0.071_945_3, -0.228_991_4, 1.405_242_7],
];

/// sRGB of a colour whose three parts run from 0 to 65535.
pub(super) fn srgb(lab: [f64; 3]) -> [u8; 3] {
    let [lightness, a, b] = lab.map(|part| part / 65535.0);
    let middle = (lightness * 100.0 + 16.0) / 116.0;
    let (a, b) = (a * 255.0 - 128.0, b * 255.0 - 128.0);
    let part = |t: f64| if t > 6.0 / 29.0 { t.powi(3) } else { (t - 16.0 / 116.0) * 108.0 / 841.0 };
    let scaled = [middle + a / 500.0, middle, middle - b / 200.0].map(part);
    let [x, y, z] = [scaled[0] * WHITE[0], scaled[1] * WHITE[1], scaled[2] * WHITE[2]];
    TO_SRGB.map(|[from_x, from_y, from_z]| {
        let linear = (from_x * x + from_y * y + from_z * z).clamp(0.0, 1.0);
        let curved =
            if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (curved * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        let neutral = 32896.0;
        assert_eq!(srgb([65535.0, neutral, neutral]), [255; 3]);
        assert_eq!(srgb([0.0, neutral, neutral]), [0; 3]);
        // L* 53.6 is the middle of sRGB's curve: 128 of 255.
        assert_eq!(srgb([35118.0, neutral, neutral]), [128; 3]);
    }
}

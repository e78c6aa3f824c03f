//! The texts of a TIFF: a plain description, one in Aperio's form, and OME-XML.

use crate::convert::about::escaped;
use crate::image::geometry::Geometry;
use crate::pyramid::SlideMetadata;
use crate::slide::maker_and_model;

/// A line for each thing that is known. Where tiles are JPEG 2000 in Aperio's compression it has Aperio's form, by which readers know that compression.
pub fn plain(metadata: &SlideMetadata, geometry: &Geometry, jpeg2000: bool) -> String {
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    let SlideMetadata { generator, source, microns_per_pixel, objective_power, .. } = metadata;
    if jpeg2000 {
        let mut text = format!(
            "Aperio Image Library, form written by {generator}\r\n{width}x{height} [0,0 {width}x{height}] ({tile}x{tile}) J2K/KDU"
        );
        text += &objective_power.map_or_else(String::new, |power| format!("|AppMag = {power}"));
        text += &microns_per_pixel.map_or_else(String::new, |(x, _)| format!("|MPP = {x}"));
        return text;
    }
    let mut text = format!("{generator}\n{width}x{height} in tiles of {tile}");
    if !source.is_empty() {
        // A name must not add lines of its own.
        let source: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text += &format!("\nsource = {source}");
    }
    if let Some((x, y)) = microns_per_pixel {
        text += &format!("\nmicrons per pixel = {x} x {y}");
    }
    if let Some(power) = objective_power {
        text += &format!("\nobjective = {power}");
    }
    text
}

/// OME-XML of one image whose colours are one channel. The unit of its physical sizes is the schema's own, micrometres.
///
/// Source: the OME schema of 2016-06 and the OME-TIFF specification.
pub fn ome(metadata: &SlideMetadata, geometry: &Geometry, samples: usize) -> String {
    const SCHEMA: &str = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
    let (width, height) = (geometry.width(), geometry.height());
    let name = escaped(&metadata.source);
    let creator = escaped(&metadata.generator);
    let sizes = metadata
        .microns_per_pixel
        .map_or_else(String::new, |(x, y)| format!(" PhysicalSizeX=\"{x}\" PhysicalSizeY=\"{y}\""));
    let (mut parts, mut settings) = (microscope(metadata), String::new());
    if let Some(power) = metadata.objective_power {
        parts += &format!("<Objective ID=\"Objective:0\" NominalMagnification=\"{power}\"/>");
        settings += "<ObjectiveSettings ID=\"Objective:0\"/>";
    }
    let mut instrument = String::new();
    if !parts.is_empty() {
        instrument = format!("<Instrument ID=\"Instrument:0\">{parts}</Instrument>");
        settings.insert_str(0, "<InstrumentRef ID=\"Instrument:0\"/>");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <OME xmlns=\"{SCHEMA}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{SCHEMA} {SCHEMA}/ome.xsd\" Creator=\"{creator}\">{instrument}\
         <Image ID=\"Image:0\" Name=\"{name}\">{settings}\
         <Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"uint8\" BigEndian=\"false\" Interleaved=\"true\" \
         SizeX=\"{width}\" SizeY=\"{height}\" SizeC=\"{samples}\" SizeZ=\"1\" SizeT=\"1\"{sizes}>\
         <Channel ID=\"Channel:0:0\" SamplesPerPixel=\"{samples}\"/>\
         <TiffData IFD=\"0\" FirstC=\"0\" FirstZ=\"0\" FirstT=\"0\" PlaneCount=\"1\"/></Pixels></Image></OME>"
    )
}

/// The scanner as an element of OME-XML; empty where it is not known.
fn microscope(metadata: &SlideMetadata) -> String {
    let (scanner, mut attributes) = (maker_and_model(metadata.scanner.as_deref()), String::new());
    for (name, value) in ["Manufacturer", "Model"].into_iter().zip(scanner) {
        if let Some(value) = value {
            attributes += &format!(" {name}=\"{}\"", escaped(&value));
        }
    }
    if attributes.is_empty() { attributes } else { format!("<Microscope{attributes}/>") }
}

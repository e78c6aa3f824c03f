"""DICOMweb of a server, asked by dicomweb-client and wsidicom; called by scripts/dicomweb.sh.

    dicomweb.py ADDRESS FOLDER

FOLDER has `NAME.dicom` for each slide that is served, as `origami convert` writes it. Ends with 1 if anything differed.
"""

import logging
import pathlib
import sys
import warnings

import numpy
import pydicom
import wsidicom
from converted import difference, end, report
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom.encaps import generate_frames

warnings.simplefilter("ignore")
# That nobody fetches bulk data.
logging.getLogger("pydicom").setLevel(logging.ERROR)
Image.MAX_IMAGE_PIXELS = None
# Of the attributes, those that a server makes in another way, and the pixels.
OTHER = {"AvailableTransferSyntaxUID", "PixelData"}


def value(found, tag):
    return found[tag]["Value"][0]


def plain(dataset, path=""):
    """All values of a dataset by their place, without those of bytes."""
    values = {}
    for element in dataset:
        if element.keyword in OTHER or element.VR in ("OB", "OW"):
            continue
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                values |= plain(item, f"{path}{element.keyword}[{number}].")
            continue
        several = element.value if element.VM > 1 else [element.value]
        values[path + element.keyword] = [
            # FL has 32 bits in a file, and digits in JSON.
            float(numpy.float32(one)) if element.VR in ("DS", "IS", "FL", "FD") and one not in (None, "") else str(one or "")
            for one in several
        ]
    return values


def frames_of(file):
    return list(generate_frames(file.PixelData, number_of_frames=int(file.NumberOfFrames)))


def check(client, name, folder):
    """A slide: found, its attributes, its frames, its pixels."""
    found = client.search_for_series(search_filters={"PatientID": name})
    report(name, "found", "" if len(found) == 1 else f"{len(found)} series are found")
    study, series = value(found[0], "0020000D"), value(found[0], "0020000E")
    served = {value(of, "00080018"): of for of in client.retrieve_series_metadata(study, series)}
    files = [pydicom.dcmread(path) for path in sorted(folder.glob("level-*.dcm"), key=lambda path: int(path.stem.split("-")[1]))]
    same, levels = 0, {int(value(of, "00200013")): of for of in served.values()}
    for file in files:
        uid = levels[int(file.InstanceNumber)]["00080018"]["Value"][0]
        row = f"{name} level {int(file.InstanceNumber) - 1}"
        if uid != file.SOPInstanceUID:
            # Coarse levels of a scanned file are made of those that it has.
            report(row, "client", "" if name == "scan" and file.InstanceNumber > 1 else "it has another UID")
            continue
        same += 1
        want = plain(file)
        got = plain(pydicom.Dataset.from_json(served[uid], bulk_data_uri_handler=lambda *_: b""))
        # The levels of a scanned slide differ, and with them what they are called together.
        names = ("Study", "Series", "FrameOfReference", "Pyramid", "DimensionOrganization", "Specimen") if name == "scan" else ()
        apart = [key for key in want if want[key] != got.get(key) and not any(part in key and "UID" in key for part in names)]
        report(row, "attributes", ", ".join(f"{key}: {want[key]} {got.get(key)}" for key in apart[:3]))
        numbers = range(1, int(file.NumberOfFrames) + 1)
        media = (("application/octet-stream", "*"),)
        got = [
            frame
            for start in range(0, len(numbers), 100)
            for frame in client.retrieve_instance_frames(study, series, uid, list(numbers[start : start + 100]), media_types=media)
        ]
        wrong = [n for n, want, frame in zip(numbers, frames_of(file), got, strict=True) if want.rstrip(b"\0") != frame.rstrip(b"\0")]
        report(row, "frames", f"frame {wrong[0]} and {len(wrong) - 1} more have other bytes" if wrong else "")
    report(name, "UIDs", "" if same else "none is that of the files")
    whole = client.retrieve_instance(study, series, value(levels[len(levels)], "00080018"))
    report(name, "instance", "" if len(frames_of(whole)) == int(whole.NumberOfFrames) else "frames are missing")
    pixels(client, name, folder, (study, series))


def pixels(client, name, folder, uids):
    """What wsidicom shows over HTTP and of the files."""
    with wsidicom.WsiDicom.open(folder) as file, wsidicom.WsiDicom.open_web(wsidicom.WsiDicomWebClient(client), *uids) as web:
        for level in file.levels:
            if name == "scan" and level.level > 0:
                continue
            size = (level.size.width, level.size.height)
            want, got = (numpy.asarray(of.read_region((0, 0), level.level, size).convert("RGB")) for of in (file, web))
            report(f"{name} level {level.level}", "wsidicom", difference(want, got))


def main():
    address, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    client = DICOMwebClient(f"{address}/dicomweb")
    studies = client.search_for_studies(search_filters={"StudyDate": "20240101-20241231"})
    report("all", "studies", "" if len(studies) == 3 else f"{len(studies)} are found")
    nothing = client.search_for_studies(search_filters={"PatientID": "nobody"})
    report("nobody", "studies", "" if not nothing else "one is found")
    for name in ("lossless", "archive", "scan"):
        check(client, name, folder / f"{name}.dicom")
    end()


main()

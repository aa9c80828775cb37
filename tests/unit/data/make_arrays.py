# How arrays.npz beside this file was made; kept for the record, not run by the tests.
import io
import zipfile

import numpy

arrays = {
    "float32": numpy.array([[1.5, -2.25, 3], [4, 5, 1e-30]], "<f4"),
    "float64_fortran": numpy.asfortranarray(numpy.arange(24, dtype="<f8").reshape(2, 3, 4) / 7),
    "int32": numpy.array([-7, 2**31 - 1], "<i4"),
    "int64": numpy.array([[-(2**53)], [2**53]], "<i8"),
    "bytes": numpy.array([0, 127, 255], "u1"),
    "truth": numpy.array([True, False, True]),
    "scalar": numpy.float64(0.1),
    "empty": numpy.zeros((0, 5), "<f8"),
    "many": numpy.tile(numpy.arange(50, dtype="<f8"), 40),
}
with zipfile.ZipFile("arrays.npz", "w") as archive:
    for name, array in arrays.items():
        content = io.BytesIO()
        numpy.lib.format.write_array(content, numpy.asanyarray(array))
        how = zipfile.ZIP_DEFLATED if name in ("float64_fortran", "many") else zipfile.ZIP_STORED
        info = zipfile.ZipInfo(name + ".npy")
        info.compress_type = how
        with archive.open(info, "w", force_zip64=name == "int32") as member:
            member.write(content.getvalue())
    archive.writestr("note.json", '{"made": "by hand"}')

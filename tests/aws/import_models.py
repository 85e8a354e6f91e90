"""tools/import-models writes the models in aws/model again, byte for byte. Exit 77 where botocore is another or absent."""

import filecmp
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITTEN_FROM = "1.43.11"

try:
    import botocore
except ImportError:
    print("SKIPPED: botocore is not installed")
    sys.exit(77)
if botocore.__version__ != WRITTEN_FROM:
    print(f"SKIPPED: the models are those of botocore {WRITTEN_FROM}, installed is {botocore.__version__}")
    sys.exit(77)

models = sorted((ROOT / "aws/model").glob("*.model"))
with tempfile.TemporaryDirectory() as folder:
    command = [sys.executable, str(ROOT / "tools/import-models"), "--to", folder] + [model.stem for model in models]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    other = [model.name for model in models if not filecmp.cmp(model, pathlib.Path(folder) / model.name, shallow=False)]
print(f"{len(models)} models, {len(other)} different: {' '.join(other)}")
sys.exit(1 if other or not models else 0)

"""What lm-evaluation-harness puts before a question when examples come from the questions themselves.

The tasks are the harness's own with the data of items/, as in make_harness.py, without a part to train on. Where the scored
part is called test, fewshot_split names it; where it is called validation, the harness takes examples from it by itself. Stored are the first sixteen digits of the sha256 of each question's context,
examples and question together. No model is run, so that this works in an environment without one.

Run with the harness (see ../README.md): python make_shots.py. Versions 0.4.2 and 0.4.9 write the same file.
"""

import hashlib
import json
import os
import random
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1",
                  HF_HOME=tempfile.mkdtemp(prefix="harness-"))

import evaluate

evaluate.load = lambda *args, **kwargs: None

import lm_eval.tasks
import yaml
from lm_eval.api.task import ConfigurableTask

TASKS = {"arc_easy": ("arc/arc_easy.yaml", "test"), "openbookqa": ("openbookqa/openbookqa.yaml", "test"),
         "piqa": ("piqa/piqa.yaml", "validation")}
SHOTS = (2, 6)


def contexts(task, source, part, shots):
    config = yaml.safe_load((Path(lm_eval.tasks.__file__).parent / source).read_text())
    config = {k: v for k, v in config.items() if k not in ("group", "tag", "dataset_name", "training_split", "dataset_kwargs")}
    file = str(FOLDER / "items" / f"{task}.{part}.jsonl")
    config |= {"dataset_path": "json", "dataset_kwargs": {"data_files": {part: file}}}
    config |= {"fewshot_split": part if part == "test" else None}
    config |= {"test_split": part if part == "test" else None, "validation_split": part if part != "test" else None}
    made = ConfigurableTask(config=config)
    if hasattr(made, "set_fewshot_seed"):
        made.set_fewshot_seed(seed=1234)
    else:
        made.sampler.rnd = random.Random(1234)
    docs = list(made.test_docs() if part == "test" else made.validation_docs())
    return [hashlib.sha256(made.fewshot_context(doc, shots).encode()).hexdigest()[:16] for doc in docs]


def main():
    found = {f"{task}.{shots}shot": contexts(task, source, part, shots)
             for task, (source, part) in TASKS.items() for shots in SHOTS}
    file = FOLDER / "expected" / "shots-from-questions.json"
    file.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()

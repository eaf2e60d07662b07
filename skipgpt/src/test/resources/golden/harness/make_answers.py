"""What lm-evaluation-harness makes of generated answers: contexts with examples, filters, and exact_match.

The tasks are the harness's own (gsm8k, triviaqa) with the few records below, which are made up here; what a model would have
generated stands beside them. Stored are, for every task, the first sixteen digits of the sha256 of each question's context with two
examples, and for every generated text what the filter makes of it and whether it counts as right. No model is run.

Run with the harness (see ../README.md): python make_answers.py
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
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

SUMS = [
    ("A cart holds 12 spoons and 7 forks. How many things are in it?", "12 and 7 make 12+7=<<12+7=19>>19.\n#### 19"),
    ("Mira sells 1,000 nets for $2 each. How much does she get?", "1,000 times 2 is $2,000.\n#### 2,000"),
    ("Half of 5 apples is how many?", "5 / 2 = 2.5\n#### 2.5"),
    ("It is 3 degrees and falls by 8. What is it now?", "3 - 8 = -5\n#### -5"),
]
SAID = [
    [" 12 + 7 = 19.\n#### 19", " so there are 19", " #### 19. And more #### 20", " #### 1 9", " 19 #### none", ""],
    [" #### 2000", " #### $2,000", " she gets 2,000.", " she gets $2000", " 2,000 #### 2,00 0", " ####  2000"],
    [" 2.5\n#### 2.5.", " #### 2", " is 2.5", " two and a half: 2,5", " #### .5", " 5/2"],
    [" #### -5", " #### 5", " 3-8 is -5", " it is - 5", " #### -5,", " minus 5"],
]
TRIVIA = [
    ("Who mends nets in Deepdale", ["Old Arthur", "Arthur (of Deepdale)", "ARTHUR"]),
    ("What floats", ["A boat", "the boats", "Boat"]),
]
ANSWERED = [
    [" old arthur", " Arthur of Deepdale", "  Arthur", "Arthur", " arthur!", " Art-hur", " Arthur\u2019", ""],
    [" a boat", " boat?", "\tboat", " The Boats", " a  boat", " BOAT ", " bo'at", " ship"],
]


def made(task, source, records, part):
    folder = Path(tempfile.mkdtemp(prefix="answers-"))
    file = folder / "data.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    config = yaml.safe_load((Path(lm_eval.tasks.__file__).parent / source).read_text())
    config = {k: v for k, v in config.items() if k not in ("group", "tag", "dataset_name", "training_split", "dataset_kwargs")}
    config |= {"dataset_path": "json", "dataset_kwargs": {"data_files": {part: str(file)}}}
    # Where the scored part is called validation, the harness takes examples from it by itself.
    config |= {"fewshot_split": part if part == "test" else None}
    config |= {"test_split": part if part == "test" else None, "validation_split": part if part != "test" else None}
    return ConfigurableTask(config=config)


def golden(task, records, generated, part):
    docs = list(task.test_docs() if part == "test" else task.validation_docs())
    if hasattr(task, "set_fewshot_seed"):
        task.set_fewshot_seed(seed=1234)
    else:
        task.sampler.rnd = random.Random(1234)
    contexts = [hashlib.sha256(task.fewshot_context(doc, 2).encode()).hexdigest()[:16] for doc in docs]
    found = {}
    for doc, record, texts in zip(docs, records, generated):
        for text in texts:
            instance = Instance(request_type="generate_until", doc=doc, arguments=("", {}), idx=0)
            instance.resps = [text]
            for ensemble in task._filters:
                ensemble.apply([instance])
            for name, value in instance.filtered_resps.items():
                right = task.process_results(doc, [value])["exact_match"]
                found.setdefault(name, []).append({"text": text, "read": value, "right": bool(right)})
    return {"records": records, "until": task.config.generation_kwargs["until"], "contexts": contexts, "answers": found}


def main():
    sums = [{"question": q, "answer": a} for q, a in SUMS]
    trivia = [{"question": q, "answer": {"aliases": a}} for q, a in TRIVIA]
    extra = [{"question": f"What is thing {i}", "answer": {"aliases": [f"thing {i}", f"{i}"]}} for i in range(3)]
    out = {"gsm8k": golden(made("gsm8k", "gsm8k/gsm8k.yaml", sums, "test"), sums, SAID, "test"),
           "triviaqa": golden(made("triviaqa", "triviaqa/default.yaml", trivia + extra, "validation"), trivia + extra, ANSWERED,
                              "validation")}
    (FOLDER / "expected" / "answers.json").write_text(json.dumps(out, indent=0) + "\n")


if __name__ == "__main__":
    main()

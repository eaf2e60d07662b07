"""Writes the files that TorchFileTest reads. Run with torch 2.7.1; every element is a function of its index."""
import collections
import os

import torch

here = os.path.dirname(os.path.abspath(__file__))


def save(name, value, **options):
    torch.save(value, os.path.join(here, name), **options)


base = torch.arange(24, dtype=torch.float32)
save(
    "formats.pth",
    {
        "float": base.reshape(4, 6).clone(),
        "half": (base / 8).half(),
        "bfloat": (base / 8).bfloat16(),
        "double": base.double(),
        "long": torch.arange(3) - 1,
        "int": torch.arange(3, dtype=torch.int32),
        "short": torch.arange(3, dtype=torch.int16),
        "char": torch.arange(3, dtype=torch.int8) - 1,
        "byte": torch.arange(3, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "transposed": base.reshape(4, 6).clone().t(),
        "part": base[5:9],
        "columns": base.reshape(4, 6)[:, 2:4],
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "nested": {"inner": torch.full((1,), 7.0), "list": [torch.full((1,), 8.0), 3, "text", None]},
        "step": 12345678901,
        "rate": 0.5,
        "ordered": collections.OrderedDict(a=torch.full((1,), 9.0)),
    },
)
torch.manual_seed(0)
layer = torch.nn.Linear(3, 2)
with torch.no_grad():
    layer.weight.copy_(torch.arange(6.0).reshape(2, 3))
    layer.bias.copy_(torch.tensor([10.0, 11.0]))
save("state_dict.pth", layer.state_dict())
save("whole_module.pth", layer)
save("old_form.pth", layer.state_dict(), _use_new_zipfile_serialization=False)
save("protocol4.pth", layer.state_dict(), pickle_protocol=4)

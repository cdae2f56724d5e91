"""A decoder of SmolLM2-135M's shapes as an ONNX graph with dynamic int8 quantisation, as a model hub's
"q8" file has it, for timing onnxruntime-web. The weights are random: the graph says nothing, it takes
the time a real one takes.

    python scripts/onnx-decoder.py TARGET.onnx

Inputs as @huggingface/transformers feeds them: input_ids [1, T] and attention_mask [1, S + T] int64,
past_key_values.N.key and .value [1, kv heads, S, 64]. Outputs: logits [1, 1, vocabulary] of the last
position, present.N.key and .value.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM = 30, 576, 9, 3, 64
FEED_FORWARD, VOCABULARY, CONTEXT = 1536, 49152, 512
ROPE_BASE = 100_000.0
# The runtime this is for refuses newer ones.
IR_VERSION, OPSET = 10, 21

random = np.random.default_rng(1)
weights, nodes = [], []


def weight(name: str, value: np.ndarray) -> str:
    weights.append(numpy_helper.from_array(value.astype(np.float32), name))
    return name


def matrix(name: str, rows: int, columns: int) -> str:
    return weight(name, random.standard_normal((rows, columns), dtype=np.float32) * rows**-0.5)


def node(kind: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes) -> str:
    nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain, **attributes))
    return outputs[0]


def norm(x: str, name: str) -> str:
    scale = weight(f"{name}_gain", np.ones(HIDDEN))
    return node("SimplifiedLayerNormalization", [x, scale], [name], axis=-1, epsilon=1e-5)


def layer(x: str, index: int) -> str:
    p = f"l{index}_"
    normed = norm(x, p + "n1")
    widths = {"q": HEADS * HEAD_DIM, "k": KV_HEADS * HEAD_DIM, "v": KV_HEADS * HEAD_DIM}
    q, k, v = (
        node("MatMul", [normed, matrix(f"{p}w{name}", HIDDEN, width)], [p + name])
        for name, width in widths.items()
    )
    past = [f"past_key_values.{index}.{part}" for part in ("key", "value")]
    attended = node(
        "GroupQueryAttention",
        [q, k, v, *past, "seqlens_k", "total_length", "cos", "sin"],
        [p + "att", f"present.{index}.key", f"present.{index}.value"],
        domain="com.microsoft",
        num_heads=HEADS,
        kv_num_heads=KV_HEADS,
        do_rotary=1,
    )
    projected = node("MatMul", [attended, matrix(p + "wo", HIDDEN, HIDDEN)], [p + "o"])
    x = node("Add", [x, projected], [p + "x1"])
    normed = norm(x, p + "n2")
    gate = node("MatMul", [normed, matrix(p + "wg", HIDDEN, FEED_FORWARD)], [p + "g"])
    up = node("MatMul", [normed, matrix(p + "wu", HIDDEN, FEED_FORWARD)], [p + "u"])
    sigmoid = node("Sigmoid", [gate], [p + "s"])
    silu = node("Mul", [gate, sigmoid], [p + "silu"])
    inner = node("Mul", [silu, up], [p + "gu"])
    down = node("MatMul", [inner, matrix(p + "wd", FEED_FORWARD, HIDDEN)], [p + "d"])
    return node("Add", [x, down], [p + "x2"])


def constant(name: str, value: list[int] | int) -> str:
    weights.append(numpy_helper.from_array(np.array(value, dtype=np.int64), name))
    return name


def lengths() -> None:
    """What the attention node wants, from the mask: positions in all, and the same minus 1."""
    count = node("ReduceSum", ["attention_mask", constant("axis", [1])], ["mask_sum"], keepdims=0)
    before = node("Sub", [count, constant("one", 1)], ["mask_less_one"])
    node("Cast", [before], ["seqlens_k"], to=TensorProto.INT32)
    shape = node("Shape", ["attention_mask"], ["mask_shape"])
    total = node("Gather", [shape, constant("second", 1)], ["mask_length"], axis=0)
    node("Cast", [total], ["total_length"], to=TensorProto.INT32)


def build() -> onnx.ModelProto:
    lengths()
    angles = np.arange(CONTEXT)[:, None] * ROPE_BASE ** (-np.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    weight("cos", np.cos(angles))
    weight("sin", np.sin(angles))
    embedding = weight("embedding", random.standard_normal((VOCABULARY, HIDDEN), dtype=np.float32))
    x = node("Gather", [embedding, "input_ids"], ["x"])
    for index in range(LAYERS):
        x = layer(x, index)
    final = node("Gather", [norm(x, "norm"), constant("last", [-1])], ["final"], axis=1)
    node("MatMul", [final, matrix("head", HIDDEN, VOCABULARY)], ["logits"])

    def cache(prefix: str, length: str) -> list:
        shape = [1, KV_HEADS, length, HEAD_DIM]
        return [
            helper.make_tensor_value_info(f"{prefix}.{index}.{part}", TensorProto.FLOAT, shape)
            for index in range(LAYERS)
            for part in ("key", "value")
        ]

    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "T"]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, [1, "N"]),
        *cache("past_key_values", "S"),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, VOCABULARY]),
        *cache("present", "N"),
    ]
    graph = helper.make_graph(nodes, "decoder", inputs, outputs, initializer=weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def main() -> None:
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "decoder.onnx"
        onnx.save(build(), full)
        quantize_dynamic(
            full,
            target,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            # Shape inference does not know the attention node.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )


main()

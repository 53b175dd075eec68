"""What ExecuTorch's file asks for, and its runtime may lack."""

from edgebench.board.backends import executorch


def test_operators_that_the_runtime_lacks_are_named() -> None:
    """Each once, in alphabetical order, whatever the overload; bytes of weights that look like names are none."""
    program = b"..aten::pow\0Tensor_Scalar\0aten::avg_pool3d\0out\0aten::avg_pool3d\0f::7 k::n0 aten::abs"
    assert executorch.missing(program, ["aten::pow.Tensor_Scalar_out"]) == ["aten::abs", "aten::avg_pool3d"]
    assert executorch.missing(b"no names", []) == []

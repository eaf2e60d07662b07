"""The kernel against jupyter_kernel_test: python -m unittest conformance, with the kernelspec on JUPYTER_PATH."""

import unittest

import jupyter_kernel_test

LIMIT = 180  # seconds; a guard against hanging, no measure of speed


class JavaKernelTests(jupyter_kernel_test.KernelTests):
    kernel_name = "java"
    language_name = "java"
    file_extension = ".jsh"
    code_hello_world = 'System.out.println("hello, world");'
    code_stderr = 'System.err.println("oops");'
    completion_samples = [
        {"text": "Math.sqr", "matches": {"sqrt("}},
        {"text": "int x = 1;\nMath.cb", "matches": {"cbrt("}},
    ]
    complete_code_samples = ["1 + 1", "int x = 3;", "for (int i = 0; i < 3; i++) { }", "%help"]
    incomplete_code_samples = ["for (int i = 0; i < 3; i++) {", "int f() {", 'String s = """\nabc', "foo("]
    invalid_code_samples = ["3 4 5 )(", "int 3x = ;", "Sys*em.out.println(1) }"]
    code_page_something = "Math.abs?"
    code_generate_error = 'throw new RuntimeException("planned");'
    code_execute_result = [{"code": "1 + 2", "result": "3"}, {"code": '"a" + 1', "result": "a1"}]
    code_display_data = [{"code": 'display("<b>x</b>", "text/html");', "mime": "text/html"}]
    code_history_pattern = "1?+*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "Math.abs"
    code_clear_output = "clearOutput(false);"

    def get_non_kernel_info_reply(self, timeout=None):
        return super().get_non_kernel_info_reply(timeout=LIMIT)  # the suite's own 15 s are few on a busy machine


class JavaWelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "java"
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()

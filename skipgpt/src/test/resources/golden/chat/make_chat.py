"""Golden prompts: chat templates of real shapes, rendered by transformers' apply_chat_template.

Run with transformers 4.56.2 and jinja2 3.1.6 in this folder: python make_chat.py
Writes chat.json: for each template the text, the marks, and what each conversation becomes.
The templates are written for this test; each uses the constructs of the family that it is named after.
"""

import json
from datetime import datetime

import transformers
from transformers.utils import chat_template_utils

TEMPLATES = {
    # one line, loop.first, string escapes
    "smollm2": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a small helper<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    # a filter inside a sum, a variable set inside the loop
    "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    # many lines, is defined, slices, a date
    "llama31": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message is taken out, so that it is put where it belongs. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- else %}
        {{- raise_exception("no tools here") }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "qwen2": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou help.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    # a namespace, a list read backwards, methods of texts
    "qwen3": """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    # turns that must take turns
    "mistral": "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
    "{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}"
    "{{- bos_token }}{%- for message in loop_messages %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('roles must alternate: ' + message['role']) }}{%- endif %}"
    "{%- if message['role'] == 'user' %}{%- if loop.last and system_message is defined %}"
    "{{- '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}{%- else %}"
    "{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}"
    "{%- elif message['role'] == 'assistant' %}{{- ' ' + message['content']|trim + eos_token }}"
    "{%- else %}{{- raise_exception('only user and assistant') }}{%- endif %}{%- endfor %}",
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}",
    "gemma3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {{ item['text'] | trim }}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
    # blocks on lines of their own: what trim_blocks and lstrip_blocks are for
    "zephyr": """{% for message in messages %}
    {% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
    {% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
    {% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
    {% endif %}
    {% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
    {% endif %}
{% endfor %}
""",
}

# What a template may also write; the library gives the same or refuses.
EXPRESSIONS = [
    "{{ true }}", "{{ false }}", "{{ none }}", "{{ missing }}", "{{ 1.0 }}", "{{ 7 // 2 }}", "{{ 7 / 2 }}", "{{ 2 ** 3 }}",
    "{{ -3 % 2 }}", "{{ 'a' ~ 1 ~ 'b' }}", "{{ 'a' * 3 }}", "{{ [1, 2] + [3] }}", "{{ ['a', 'b'] | join('-') }}",
    "{{ messages }}", "{{ messages[0] }}", "{{ messages | length }}", "{{ messages[-1].content[:3] }}",
    "{{ messages[0]['content'][2:5] }}", "{{ messages[1:][0].role }}", "{{ messages[9] }}", "{{ messages[0].nothing }}",
    "{{ missing | default('none') }}", "{{ '' | default('x') }}", "{{ '' | default('x', true) }}", "{{ 'x' not in 'abc' }}",
    "{{ 'b' in 'abc' }}", "{{ 'role' in messages[0] }}", "{{ 3 > 2 and not 1 >= 2 }}", "{{ 'yes' if 1 == 1 }}",
    "{{ 'yes' if 1 == 2 }}", "{{ 'yes' if messages else 'no' }}", "{{ 'yes' if '0' else 'no' }}", "{{ 'yes' if 'false' else 'no' }}",
    "{{ 'yes' if 0 else 'no' }}", "{{ 1 if none is none else 2 }}", "{{ '1' == 1 }}", "{{ 'A' == 'a' }}", "{{ 'tab\\tnew\\nquote\\'' }}",
    "{{ \"double 'single'\" }}", "{{ '\\u00e9' }}", "{{ 'back\\\\slash' }}", "{{ 'Grüße 😀' | length }}", "{{ 'Grüße 😀'[-1] }}",
    "{{ '\u00a0x\u2003\u0085' | trim }}|", "{{ '\x1cx\x1f' | trim }}|", "{{ 'xxaxx' | trim('x') }}", "{{ 'ab' | upper }}",
    "{{ 'straße' | upper }}", "{{ 'ÄB' | lower }}", "{{ 'abc' | first }}", "{{ 'abc' | last }}", "{{ 'abc' | list }}", "{{ 'abc' | reverse }}",
    "{{ 'a b  c'.split(' ') }}", "{{ 'a-b-c'.split('-')[-1] }}", "{{ 'aXbX'.replace('X', '') }}", "{{ 'abc'.startswith('ab') }}",
    "{{ range(3) | list }}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{% for i in range(1, 6, 2) %}{{ i }}{% endfor %}",
    "{% for m in messages if m.role == 'user' %}{{ m.content }}{{ loop.index }}{% endfor %}",
    "{% for m in messages %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.length }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}", "{% for k in messages[0] %}{{ k }}{% endfor %}",
    "{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}", "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}",
    "{% set n = namespace(x=1) %}{% for i in [1] %}{% set n.x = 2 %}{% endfor %}{{ n.x }}", "{% set x %}block {{ 1 }}{% endset %}{{ x }}",
    "{% macro m(a, b='c') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}{{ m('x', 'y') }}", "{% for m in messages %}{{ m.role }}{% break %}{% endfor %}",
    "{# no #}a {#- no -#} b", "a {%- if true -%} b {%- endif -%} c", "  {% if true %}\n  x\n  {% endif %}\ny", "{{ 'a' }}\n{{ 'b' }}\n",
    "{% raw %}{{ x }}{% endraw %}", "{{ '{% if %}' }}", "{{ \"{{ x }}\" }}", "{{ 'a' if false else 'b' ~ 'c' }}", "{{ (1, 2)[0] }}", "{{ {'a': 1}['a'] }}",
    "{{ {'a': 1}.a }}", "{{ messages[0].get('role') }}", "{{ messages[0].get('x', 'y') }}", "{{ messages | map(attribute='role') | join(',') }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "{{ messages is iterable }}", "{{ 'a' is string }}", "{{ messages[0] is mapping }}",
    "{{ 1 is number }}", "{{ true is boolean }}", "{{ missing is defined }}", "{{ missing is not defined }}", "{{ none is defined }}", "{{ 3 is odd }}",
    "{{ not missing }}", "{{ missing == none }}", "{{ missing.x }}", "{{ undefined_function() }}", "{{ 'a' < 'b' }}", "{{ 1 < 2 < 3 }}", "{{ -1 }}", "{{ 10000000000 }}", "{{ 0.1 + 0.2 }}",
    "{{ '%s!' % 'x' }}", "{{ '%s' | format('x') }}", "{{ 'abc' | replace('b', 'x') }}", "{{ '<b>' | escape }}", "{{ messages | tojson }}", "{{ '  x' | indent }}",
    "{{ 'hello world' | capitalize }}", "{{ 'hello world' | title }}", "{{ '5' | int + 1 }}", "{{ 5 | string ~ 'a' }}", "{{ messages[0] | items | list | length }}",
    "{{ 'a' + 1 | string }}", "{{ 'x' + missing }}", "{{ 1 + 1 }}", "{{ '1' + '1' }}", "{{ 1 == 1.0 }}", "{{ [1, 2] == [1, 2] }}", "{{ 'a\nb' }}", "x{{ '' }}\n\n",
    "{{ 'ab'[0] }}", "{{ 'ab'[5] }}", "{{ 'abcd'[::2] }}", "{{ messages[::-1][0].role }}", "{{ messages[:-1] | length }}", "{{ messages[-1:] | length }}", "{{ 'abc'[1:] + 'abc'[:-1] }}",
    "{% if messages[0].role == 'user' and messages[0].content %}y{% elif true %}z{% endif %}", "{% if not (false or true) %}y{% else %}n{% endif %}",
    "{% if missing %}y{% else %}n{% endif %}", "{% if messages | length > 0 %}y{% endif %}", "{% if '' %}y{% else %}n{% endif %}", "{% if ' ' %}y{% else %}n{% endif %}",
    "{% if [] %}y{% else %}n{% endif %}", "{% if {} %}y{% else %}n{% endif %}", "{% if 0.0 %}y{% else %}n{% endif %}", "{% if 'no' %}y{% endif %}", "{% if messages[0].content is not none %}y{% endif %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x = 'a' if messages else 'b' %}{{ x }}", "{% set x = messages[0].content | trim %}{{ x }}", "{{- ' a ' -}} b", "{%+ if true %} a{% endif %}",
]

SYSTEM = {"role": "system", "content": " Answer <shortly> & \"well\". \n"}
USER = {"role": "user", "content": "  Wie geht's, Grüße? {{ no }}\n"}
ASSISTANT = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nGood 😀 "}
CONVERSATIONS = {
    "one": [USER],
    "three": [USER, ASSISTANT, {"role": "user", "content": "And now?"}],
    "system": [SYSTEM, USER],
    "long": [SYSTEM, USER, ASSISTANT, {"role": "user", "content": "tool? \\n 'quoted' \\ end"}, ASSISTANT],
    "wrong": [ASSISTANT, USER],
}
MARKS = {"bos_token": "<bos>", "eos_token": "</s>"}


class Fixed(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime(2025, 3, 9, 7, 5, 2)


def main():
    chat_template_utils.datetime = Fixed
    out = {"transformers": transformers.__version__, "marks": MARKS, "conversations": CONVERSATIONS, "templates": {}}
    for name, template in TEMPLATES.items():
        cases = {}
        for title, messages in CONVERSATIONS.items():
            for prompt in (False, True):
                try:
                    rendered = chat_template_utils.render_jinja_template(
                        [messages], chat_template=template, add_generation_prompt=prompt, **MARKS
                    )[0][0]
                    cases[f"{title} {prompt}"] = {"text": rendered}
                except Exception as e:
                    cases[f"{title} {prompt}"] = {"error": str(e)}
        out["templates"][name] = {"template": template, "cases": cases}
    out["expressions"] = {}
    for text in EXPRESSIONS:
        try:
            out["expressions"][text] = chat_template_utils.render_jinja_template(
                [CONVERSATIONS["three"]], chat_template=text, add_generation_prompt=True, **MARKS
            )[0][0]
        except Exception as e:
            out["expressions"][text] = None
    with open("chat.json", "w") as f:
        json.dump(out, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()

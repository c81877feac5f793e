#!/usr/bin/env python3
"""Records what Python's jinja2, set up as transformers does it, makes of small templates: the reference of
TemplateSemanticsTest. Needs a Python with jinja2.

    tools/chat_template_semantics.py > tensor-core/src/test/resources/dev/millrace/template/semantics.json
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import chat_templates  # noqa: E402

DATA = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " Hällo 🦆\n'quoted' \"twice\" "},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"b": 1, "a": [1.5, None, True]}}}]},
    ],
    "tools": None,
    "n": 7,
    "x": 2.5,
    "big": 12345678901234567890,
    "yes": True,
    "empty": [],
    "words": ["b", "A", "c", "a"],
    "numbers": [3, 1, 2, 1],
    "d": {"z": 1, "y": {"k": "v"}, "items": 5, "1": "one"},
    "text": "one, two,, three",
}

EXPRESSIONS = r"""
none
true
1 / 2
7 // 2
-7 // 2
-7 % 3
7 % -3
2 ** 10
2 ** -1
2 ** 200
1e16
1e15 + 0.5
1e-5
0.1 + 0.2
100.0
-0.0
1_000
0x1f
3 * 'ab'
'a' * -1
[1, 2] * 2
[1] + [2]
(1,)
(1, 2) + (3,)
()
{'a': 1, 'b': [true, none, 1.0]}
{1: 2, true: 3}
'it\'s'
['it\'s', "q\"q", 'both\'"', 'tab\t\n\\ é 🦆 \x00\u200b']
'\x41\u00e9\101\q'
'a' 'b'
'a' ~ 1 ~ none ~ true ~ [1]
'a' + 1
1 + none
undefined_name
undefined_name.attribute
undefined_name + 'x'
undefined_name ~ 'x'
undefined_name == undefined_too
undefined_name == none
undefined_name is defined
not undefined_name is defined
undefined_name is none
tools is none
tools is defined
tools.x
tools[0]
none.x
n.x is defined
d.z
d['items']
d.items()
d.items() | list
d.keys() | list
d.values() | list
d.keys()
d.missing is defined
d.get('q')
d.get('q', 5)
d['1']
d[1] is defined
messages[0].role
messages[-1].content
messages[5] is defined
messages[1:] | length
messages[::-1] | map(attribute='role') | join(',')
messages[-1:] | length
'abcdef'[1:4]
'abcdef'[::-1]
'abcdef'[-2:]
'abcdef'[4:1:-1]
'abcdef'[10:]
'abc'[1]
'abc'[-1]
'🦆x'[0]
'🦆x' | length
[1, 2, 3][none:2]
range(3)[::-1] | list
range(2, 10, 3) | list
range(100001)
1 < 2 < 3
1 < 'a'
'a' < 'b'
[1, 2] < [1, 3]
1 == 1.0
1 == true
'1' == 1
'a' in 'abc'
1 in 'abc'
1 in [1]
'z' in d
none in [none]
1 in undefined_name
not 'a' in 'b'
'a' not in 'b'
1 and 0
0 or 'x'
'' or none
yes and n
not n
'x' if n > 5
'x' if n > 9
'x' if n > 9 else 'y' if n > 8 else 'z'
-n | abs
(-n) | abs
n is odd
n is even
n is divisibleby 7
n is number
yes is number
yes is integer
n is integer
x is float
yes is boolean
yes is true
1 is true
yes is sameas true
'a' is string
d is mapping
messages is sequence
d is sequence
d.keys() is sequence
'a' is sequence
'a' is iterable
n is iterable
messages is iterable
n is eq 7
n is equalto(7)
n is gt 3
n is in [7]
n is not in [7]
'A' is upper
'a1' is lower
'1' is lower
range is callable
undefined_name | default('x')
none | default('x')
none | default('x', true)
'' | default('x', boolean=true)
undefined_name | length
undefined_name | list
undefined_name | join
undefined_name | upper
undefined_name | tojson
undefined_name | int
words | sort | join
words | sort(case_sensitive=true) | join
words | sort(reverse=true) | join
words | unique | list
words | first
words | last
empty | first is defined
words | reverse | list
'abc' | reverse
words | max
numbers | min
numbers | sum
numbers | unique | list
numbers | sort | list
numbers | batch(3, 'x') | list
numbers | slice(3) | list
empty | max is defined
messages | selectattr('role', 'equalto', 'user') | list | length
messages | selectattr('tool_calls') | list | length
messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | list
messages | map(attribute='nothing', default='-') | list
messages | groupby('role') | map('first') | list
numbers | select('odd') | list
numbers | reject('gt', 1) | list
numbers | select | list | length
numbers | map('string') | join('-')
none | selectattr('x') | list
numbers | map('nosuch') | list
words | join(', ')
messages | join('/', attribute='role')
[1, none, true] | join(' ')
d | dictsort
d | dictsort(by='value')
d | dictsort(reverse=true) | first
d | items | list
d | length
d | list
d | tojson
d | tojson(indent=2)
[] | tojson(indent=2)
{} | tojson(indent=2)
messages[1] | tojson
messages[1] | tojson(ensure_ascii=true)
{'b': 1, 'a': 2.0} | tojson(sort_keys=true)
{'b': 1, 'a': [1, 2]} | tojson(separators=(',', ':'))
(1, 2) | tojson
1e22 | tojson
big | tojson
big + 1
big * big
'<a & "b">' | tojson
'\u0007\x7f' | tojson
d.items() | tojson
' a b ' | trim
'xxaxx' | trim('x')
'a' | upper
'ÄSS ß' | lower
'ß' | upper
'hELLO wORLD' | capitalize
'hello-world (x) it\'s' | title
'hello wORLD it\'s'.title()
'aXbX' | replace('X', 'y')
'aXbX' | replace('X', 'y', 1)
'abc' | replace('', '-')
'a\nb\n\nc' | indent
'a\nb\n\nc' | indent(2, true)
'a\nb\n\nc' | indent(2, blank=true)
'a\nb' | indent('> ')
'abc' | center(9) ~ '|'
'abcd'.center(7) ~ '|'
'abc'.center(6, '*')
'42'.zfill(5) ~ '-7'.zfill(4)
'ab'.ljust(4, '.') ~ 'ab'.rjust(4, '.')
'one two three four' | truncate(11)
'one two three four' | truncate(9, true, '~', 0)
'one two  three' | wordcount
'%s=%d, %.2f%%' % ('a', 3.9, 2.5)
'%5d|%-5d|%05d|%x' % (1, 2, 3, 255)
'%s' % 'x'
'%s %s' % 'x'
'%r' % 'x'
'%(a)s' % {'a': 1}
'%s and %s' | format('a', 2)
'{} {}'.format('a', 1)
'{1}{0}{1}'.format('a', 'b')
'{x:>5}|{x:<5}|{x:^5}'.format(x='ab')
'{:.3f}|{:05d}|{:,}|{:x}|{:e}'.format(3.14159, 42, 1234567, 255, 12345.678)
'{!r}'.format('x')
'{{}}'.format()
'{}'.format()
' a b '.strip() ~ '|'
'xxaxx'.lstrip('x') ~ '|' ~ 'xxaxx'.rstrip('x')
text.split(', ')
text.split(',')
text.split(',', 1)
text.rsplit(',', 1)
' a  b '.split()
' a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
'a\nb\r\nc'.splitlines()
'a\nb\n'.splitlines(true)
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.startswith('ab')
'abc'.startswith(('x', 'a'))
'abc'.endswith('bc', 2)
'abcabc'.find('c')
'abcabc'.rfind('c')
'abc'.find('z')
'abc'.index('z')
'aaa'.count('a')
'aXa'.swapcase()
'pre-x'.removeprefix('pre-') ~ 'x.py'.removesuffix('.py')
'12'.isdigit() ~ 'a1'.isalnum() ~ 'a'.isalpha() ~ ' '.isspace() ~ ''.isdigit()
','.join(['a', 'b'])
','.join([1])
'a'.nosuch()
'a'.nosuch is defined
[3, 1].index(1)
[3, 1, 1].count(1)
[1].append(2)
d.update({})
d.pop('z')
messages.pop(0)
'a'.__class__
''.__class__.__mro__
'12' | int + 1
'x' | int
'x' | int(-1)
'0x1f' | int(base=16)
' 7 ' | int
'3.9' | int
2.9 | int
-2.9 | int
none | int
'1.5' | float
'x' | float
3 | float
2.5 | round
3.5 | round
2.567 | round(2)
2.561 | round(2, 'ceil')
25 | round(-1)
'<b>' | safe
'<b>' | e
'<b>' | safe + '<c>'
'<c>' + ('<b>' | safe)
'<b>' | e | e
('a' | safe) ~ '<'
'a' | string is string
namespace(a=1).a
namespace(a=1).b is defined
dict(a=1, b=2)
dict(a=1) | tojson
n | string | length
d | attr('z') is defined
'abc' | list
'abc' | first
5 | list
5 | length
'a' | nofilter
raise_exception('no')
loop is defined
[1, 2, 3] | sum(start=10)
messages | sum(attribute='content') is defined
1 if undefined_name else 2
'a' if '' else 'b'
d == {'z': 1, 'y': {'k': 'v'}, 'items': 5, '1': 'one'}
[1, [2, (3,)]] == [1, [2, (3,)]]
[1] == (1,)
0.5 | string
1.0 | string
123456789.123 | string
1e100 | string
5e-324 | string
""".strip().split("\n")

TEMPLATES = [
    "{% for m in messages %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ m.role }};{% endfor %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index0 }}{{ m.role }}{{ loop.revindex }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(3) %}{{ loop.previtem if loop.previtem is defined else '-' }}{{ loop.nextitem | default('+') }} {% endfor %}",
    "{% for i in range(4) %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i // 2) }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for x in none %}{% endfor %}",
    "{% for x in undefined_name %}{% else %}e{% endfor %}",
    "{% for c in 'ab🦆' %}{{ c }}.{% endfor %}",
    "{% for i in [[1, [2]], 3] recursive %}{% if i is iterable %}({{ loop(i) }}){% else %}{{ i }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% set x = 1 %}{% for i in range(2) %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in range(3) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set d.x = 1 %}",
    "{% if false %}{% set q = 1 %}{% endif %}{{ q is defined }}",
    "{% if true %}{% set q = 1 %}{% endif %}{{ q }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set t = 1, 2 %}{{ t }}",
    "{% set x %}a{{ n }}b{% endset %}[{{ x }}]",
    "{% set x | upper | trim %} ab {% endset %}[{{ x }}]",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m() }}{{ m(b=1, a=2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}",
    "{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(x) m() %}in{{ x }}{% endcall %}",
    "{% macro m() %}{{ late }}{% endmacro %}{% set late = 4 %}{{ m() }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro m() %}x{% endmacro %}{{ m() | upper }}{{ m() == 'x' }}{{ m is defined }}",
    "{% generation %}a{% set g = 1 %}{% endgeneration %}{{ g is defined }}",
    "{% raw %}{{ x }}{% y %}{% endraw %}",
    "a{% raw -%}  b  {%- endraw %} c",
    "{# comment #}\n{#- other -#}\nx",
    "  {% if true %}\n  a\n  {% endif %}\nb\n",
    "  {%+ if true %}\n  a\n  {%- endif +%}\nb\n\n",
    "a\n  {{ 1 }}\n  {{- 2 -}}\n  b",
    "{% if true -%}\n\n  x\n\n{%- endif %}\n\ny",
    "a\r\nb\rc\n",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': 1}}}",
    "{% if messages[0]['role'] == 'system' %}{% set s = messages[0]['content'] %}{% set messages = messages[1:] %}{% endif %}{{ s }}{{ messages | length }}",
    "{% if n == 7 and not tools and messages %}y{% elif x %}z{% else %}w{% endif %}",
    "{% if n == 8 %}{{ n | nofilter }}{% endif %}ok",
    "{% if n == 7 %}{{ n | nofilter }}{% endif %}ok",
    "{{ n is nosuchtest }}",
    "{% nosuchtag %}",
    "{{ n ",
    "{% if n %}",
    "{{ 'a }}",
    "{{ ) }}",
    "{{ [1, 2 }}",
    "{% endif %}",
    "{% for x in y %}{% break %}{% endfor %}{% break %}",
    "{% set true = 1 %}",
    "{{ x.y.z }}",
    "{{ d.y.k }}{{ d['y']['k'] }}{{ d.y['nope'] }}",
    "{% for i in range(3) -%}\n  {{ i }}\n{%- endfor %}",
    "{%- for m in messages -%}\n{{ m.content | trim }}\n{% endfor -%}\n!",
    "{{ '<|' + messages[0].role + '|>' }}",
    "{% set loop_messages = messages %}{% for m in loop_messages %}{% if loop.index0 == 0 and m.role == 'system' %}S{% endif %}{% endfor %}",
]


def render(template):
    try:
        return chat_templates.environment().from_string(template).render(**DATA)
    except Exception:  # noqa: BLE001: whatever it is, we must refuse, too
        return None


def main():
    templates = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + TEMPLATES
    cases = [{"template": template, "expected": render(template)} for template in templates]
    json.dump({"data": DATA, "cases": cases}, sys.stdout, ensure_ascii=True, indent=1)
    print()


if __name__ == "__main__":
    main()

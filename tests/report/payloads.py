"""Twelve ways in which text has left its place in reports of this kind, each with a mark that would show it had run."""

PAYLOADS = (
    "<script>window.owned=1</script>",
    "</script><script>window.owned=1</script>",
    "</title></style></textarea><img src=x onerror=window.owned=1>",
    "<svg onload=window.owned=1><a xlink:href='javascript:window.owned=1'>x</a></svg>",
    '<a href="javascript:window.owned=1">x</a>',
    '" onmouseover="window.owned=1" style="position:fixed',
    "' autofocus onfocus='window.owned=1' x='",
    "<!--<script>window.owned=1</script>-->",
    "{{ self.__init__.__globals__ }}{% raw %}${7*7}",
    "&lt;script&gt;window.owned=1&lt;/script&gt;&#x3c;img src=x onerror=window.owned=1&#x3e;",
    "%{customdata[0]}<extra></extra><b>bold</b><a href='https://example.org'>x</a>",
    "[x](javascript:window.owned=1) `x` | y | \u2028\u2029\u202e <iframe srcdoc='<script>parent.owned=1</script>'>",
)

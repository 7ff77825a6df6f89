"""The page without a mouse: every control is reached by Tab, and Enter and Space do what a press does."""

from steps import call

FOCUSED = "(document.activeElement === document.body ? '' : `${document.activeElement.tagName} ${document.activeElement.id} ${document.activeElement.textContent}`.slice(0, 80))"


def keys(check, truth):
    page = check.page
    everything = len(truth.findings)

    def press(element, key):
        page.run(f"{element}.focus(); 1")
        page.key(key)

    def found():
        return page.run("reader.found()")

    reach(check)
    # Facets: Space ticks, the focus stays, and each has a button for the rest of its values.
    for key in truth.facets:
        first = f"reader.one('#facets fieldset[data-facet={key}] input[type=checkbox]')"
        if not page.run(f"Boolean({first})"):
            continue
        count = page.run(f"reader.number(reader.one('.number', {first}.closest('li')).textContent)")
        press(first, " ")
        check.that(found() == count, f"Space on the first {key} gives {found()} findings, not {count}")
        check.that(page.run("document.activeElement.matches('input:checked')"), f"{key}: the focus is lost when it is ticked: {page.run(FOCUSED)}")
        press("reader.one('#chosen button')", "Enter")
        check.that(found() == everything, f"{key}: Enter does not remove the chosen filter")
        check.that(page.run(FOCUSED) != "", f"{key}: the focus is lost when a chosen filter is removed")
    more = "reader.all('#facets button.plain')[0]"
    if page.run(f"{more}?.textContent.startsWith('Show f') === false"):
        before = page.run("reader.all('#facets li').length")
        press(more, "Enter")
        check.that(page.run("reader.all('#facets li').length") > before, "Enter does not show more values")
        page.key(" ")
        check.that(page.run("reader.all('#facets li').length") == before, "Space on `Show fewer` does not show fewer")
    for place in range(page.run("reader.all('#columns button').length")):
        head = f"reader.all('#columns th')[{place}]"
        orders = []
        for key in ("Enter", " "):
            press(f"reader.one('button', {head})", key)
            orders.append(page.run(f"{head}.getAttribute('aria-sort')"))
        check.that(sorted(orders) == ["ascending", "descending"], f"Enter and Space sort column {place} {orders}")
    press("reader.one('#columns th button')", "Enter")
    rows(check, everything, press)
    # What leads into the list from elsewhere.
    for what in ("#summary [data-show] button", ".matrix li button", "#risk [data-show] button"):
        for key in ("Enter", " "):
            if page.run(f"reader.one({what!r}) !== null"):
                press(f"reader.one({what!r})", key)
                check.that(page.run("reader.all('#chosen button').length") == 1, f"{key!r} on {what} chooses nothing")
                page.run("reader.clear(); 1")
    for key in ("Enter", " "):
        if page.run("reader.one('[data-since]') !== null"):
            press("reader.one('[data-since]')", key)
            check.that(page.run("reader.all('#chosen button').length") == 1, f"{key!r} on a bar of the timeline chooses nothing")
            press("reader.one('#clear')", key)
            check.that(page.run("reader.all('#chosen button').length") == 0 and found() == everything, f"{key!r} on `Clear filters` leaves a filter")
    for place in range(page.run("reader.all('main summary').length")):
        summary = f"reader.all('main summary')[{place}]"
        if page.run(f"{summary}.checkVisibility()"):
            was = page.run(f"{summary}.parentElement.open")
            press(summary, "Enter")
            check.that(page.run(f"{summary}.parentElement.open") != was, f"Enter does not open or close {place}")
            page.key(" ")
            check.that(page.run(f"{summary}.parentElement.open") == was, f"Space does not open or close {place}")
    # The search from anywhere; in it the key is a letter.
    press("reader.one('#rows button.open')", "/")
    check.that(page.run("document.activeElement.id") == "search", "`/` does not lead to the search")
    page.key("/")
    check.that(page.run("reader.one('#search').value") == "/", "`/` cannot be typed into the search")
    page.key("Escape")
    check.that(page.run("reader.one('#search').value") == "" and found() == everything, "Esc does not empty the search")


def reach(check):
    """Tab goes to all that a reader can see and use, and out of the page at its end."""
    page = check.page
    page.run("reader.size(25); document.activeElement.blur(); 1")
    expected = call(check, "watchFocus")
    # The focus begins where the reader last was: at the top.
    page.run("reader.one('.skip').focus(); 1")
    for _ in range(expected + 200):
        page.key("Tab")
        if page.run("document.activeElement === document.body || document.activeElement.matches('.skip')"):
            break
    missed = call(check, "missed")
    check.that(missed == [], f"{len(missed)} of {expected} controls are not reached by Tab: {missed[:5]}")
    check.that(page.run("reader.reached()") >= expected > 20, f"Tab reached {page.run('reader.reached()')} of {expected} controls")
    page.run("reader.size(50); 1")


def rows(check, everything, press):
    """The list: open and close, go up and down, turn pages, change their length."""
    page = check.page
    first, is_open = "reader.one('#rows button.open')", "reader.one('#rows tr.detail') !== null"
    press(first, "Enter")
    check.that(page.run(is_open) and page.run(f"{first}.getAttribute('aria-expanded')") == "true", "Enter does not open a finding")
    page.key(" ")
    check.that(not page.run(is_open) and page.run(f"{first}.getAttribute('aria-expanded')") == "false", "Space does not close a finding")
    page.key("Enter")
    press("reader.one('#rows tr.detail summary')", "Enter")
    check.that(page.run("reader.one('#rows tr.detail details')?.open"), "Enter does not open the SQL of a finding")
    page.key("Escape")
    check.that(not page.run(is_open) and page.run(f"document.activeElement === {first}"), f"Esc in a finding does not close it: {page.run(FOCUSED)}")
    if everything > 1:
        at = "reader.all('#rows button.open').indexOf(document.activeElement)"
        page.key("ArrowDown")
        check.that(page.run(at) == 1, "the arrow key does not lead down")
        page.key("ArrowUp")
        check.that(page.run(at) == 0, "the arrow key does not lead up")
    if everything > 50:
        place = "document.getElementById('place').textContent.split(' ')[1]"
        press("reader.one('#next')", "Enter")
        check.that(page.run(place) == "2", "Enter does not turn the page")
        press("reader.one('#previous')", " ")
        check.that(page.run(place) == "1", "Space does not turn the page back")
        check.that(page.run(FOCUSED) != "", "the focus is lost where the first page is reached")
        press("reader.one('#size')", "ArrowDown")
        check.that(page.run("reader.all('#rows button.open').length") == min(100, everything), "the arrow key does not make pages longer")
        page.key("ArrowUp")

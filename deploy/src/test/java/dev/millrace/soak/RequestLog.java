package dev.millrace.soak;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the server's log says of requests, since the last look. */
final class RequestLog {
  private static final Pattern REQUEST =
      Pattern.compile(
          "msg=\"request\" .*request_id=\"([^\"]*)\".* completion_tokens=\"(\\d+)\""
              + " outcome=\"([^\"]*)\"");

  /** One call's line. A request that is taken up again keeps its id. */
  record Line(String requestId, long completionTokens, String outcome) {
    boolean cancelled() {
      return outcome.equals("cancelled");
    }
  }

  private final List<Line> lines = new ArrayList<>();

  /** Whether it tells of a request. */
  synchronized boolean take(String line) {
    Matcher request = REQUEST.matcher(line);
    if (!request.find()) {
      return false;
    }
    lines.add(new Line(request.group(1), Long.parseLong(request.group(2)), request.group(3)));
    return true;
  }

  synchronized List<Line> lines() {
    return List.copyOf(lines);
  }

  synchronized void forget() {
    lines.clear();
  }
}

package dev.millrace.soak;

import dev.millrace.soak.Samples.Sample;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Samples over time, as SVG: panels one below the other, each with some lines. */
final class Plot {
  private static final int WIDTH = 860;
  private static final int LEFT = 70;
  private static final int RIGHT = 170; // for the names of lines
  private static final int TOP = 34;
  private static final int HEIGHT = 130; // of a panel's inside
  private static final int PANEL = HEIGHT + 62;
  private static final List<String> COLOURS = List.of("#0b6", "#06c", "#c50", "#808");

  private record Line(String name, ToDoubleFunction<Sample> value, boolean atRestOnly) {}

  private record Panel(String title, List<Line> lines) {}

  private static final List<Panel> PANELS =
      List.of(
          new Panel(
              "Memory of the server, MiB",
              List.of(
                  line("resident", sample -> sample.memory().resident() / 1024.0),
                  line("off the heap", sample -> sample.memory().offHeap() / 1024.0))),
          new Panel(
              "Live heap behind full collections, MiB",
              List.of(
                  line("under load", sample -> sample.memory().heap() / 1024.0),
                  new Line("at rest", sample -> sample.memory().heap() / 1024.0, true))),
          new Panel(
              "Sequences",
              List.of(
                  line("running", sample -> sample.engine().getRunningSequences()),
                  line("waiting", sample -> sample.engine().getWaitingSequences()),
                  line("stalled", sample -> sample.engine().getStalledSequences()))),
          new Panel(
              "Blocks of keys and values",
              List.of(
                  line("in use", sample -> sample.engine().getKvBlocksInUse()),
                  line("cached", sample -> sample.engine().getKvBlocksCached()))),
          new Panel(
              "Thousands, since the start",
              List.of(
                  line("answers finished", sample -> sample.engine().getRequestsFinished() / 1e3),
                  line("left by readers", sample -> sample.engine().getRequestsCancelled() / 1e3),
                  line("refused", sample -> sample.engine().getRequestsRejected() / 1e3),
                  line("preemptions", sample -> sample.engine().getPreemptions() / 1e3))));

  private final List<Sample> samples;
  private final double minutes;
  private final StringBuilder svg = new StringBuilder();

  Plot(List<Sample> samples) {
    this.samples = samples;
    this.minutes = Math.max(0.1, samples.isEmpty() ? 0 : samples.getLast().seconds() / 60);
  }

  private static Line line(String name, ToDoubleFunction<Sample> value) {
    return new Line(name, value, false);
  }

  String svg() {
    int height = TOP + PANELS.size() * PANEL;
    print(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
            + " font-size=\"12\">%n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>%n",
        WIDTH, height, WIDTH, height);
    for (int i = 0; i < PANELS.size(); i++) {
      panel(PANELS.get(i), TOP + i * PANEL);
    }
    return svg.append("</svg>\n").toString();
  }

  private void panel(Panel panel, int top) {
    double most = 0;
    for (Line line : panel.lines()) {
      most = Math.max(most, samples.stream().mapToDouble(line.value()).max().orElse(0));
    }
    most = roundedUp(most);
    int right = WIDTH - RIGHT;
    text(LEFT, top - 8, "start", "#000", panel.title());
    print(
        "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#888\"/>%n",
        LEFT, top, top + HEIGHT, right);
    for (int part = 0; part <= 2; part++) {
      text(LEFT - 6, top + HEIGHT - HEIGHT * part / 2 + 4, "end", "#444", number(most * part / 2));
    }
    for (int part = 0; part <= 6; part++) {
      int x = LEFT + (right - LEFT) * part / 6;
      String unit = part == 6 ? " min" : "";
      text(x, top + HEIGHT + 16, "middle", "#444", number(minutes * part / 6) + unit);
    }
    for (int i = 0; i < panel.lines().size(); i++) {
      Line line = panel.lines().get(i);
      line(line, top, most, COLOURS.get(i));
      text(right + 10, top + 12 + 18 * i, "start", COLOURS.get(i), line.name());
    }
  }

  private void line(Line line, int top, double most, String colour) {
    svg.append("<polyline fill=\"none\" stroke-width=\"1.3\" stroke=\"")
        .append(colour)
        .append("\" points=\"");
    for (Sample sample : samples) {
      if (sample.atRest() || !line.atRestOnly()) {
        double x = LEFT + (WIDTH - RIGHT - LEFT) * sample.seconds() / 60 / minutes;
        double y = top + HEIGHT * (1 - line.value().applyAsDouble(sample) / most);
        print("%.1f,%.1f ", x, y);
      }
    }
    svg.append("\"/>\n");
  }

  /** To 1, 2 or 5 times a power of ten. */
  private static double roundedUp(double value) {
    double power = Math.pow(10, Math.floor(Math.log10(Math.max(value, 1e-3))));
    for (double step : new double[] {1, 2, 5}) {
      if (value <= step * power) {
        return step * power;
      }
    }
    return 10 * power;
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.1f", value);
  }

  private void text(int x, int y, String anchor, String colour, String text) {
    print(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" fill=\"%s\">%s</text>%n",
        x, y, anchor, colour, text);
  }

  @SuppressWarnings("AnnotateFormatMethod") // its annotation is no dependency of ours
  private void print(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}

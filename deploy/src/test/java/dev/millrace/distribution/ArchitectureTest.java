package dev.millrace.distribution;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Who may import whom. docs/architecture.md says why. */
class ArchitectureTest {
  private static final Library JAVA = library("java..", "org.jspecify.annotations");
  private static final Library MEMORY_SIZE = library("com.sun.management");
  private static final Library VECTORS = library("jdk.incubator.vector");
  private static final Library LOG = library("org.slf4j..");
  private static final Library LOGBACK = library("ch.qos.logback..");
  private static final Library REACTOR = library("reactor..", "org.reactivestreams");
  private static final Library PROTOBUF = library("com.google.protobuf..", "com.google.rpc");
  private static final Library GRPC = library("io.grpc..", "io.netty..");
  private static final Library STUBS = library("com.salesforce..", "com.google.common..");
  private static final Library JLINE = library("org.jline..");
  private static final Library PICOCLI = library("picocli..");
  private static final Library HISTOGRAMS = library("org.HdrHistogram");
  private static final Library JSON = library("com.google.gson..");

  /**
   * The rooms from the lowest up: a room may use the rooms that it names, all of them before it.
   */
  static final List<Room> ROOMS =
      List.of(
          // tensor-core
          room("tensor", ""),
          room("trace", "tensor"),
          room("memory", "").with(MEMORY_SIZE),
          room("kv", "memory"),
          room("kernel", "tensor kv"),
          room("kernel.scalar", "kernel tensor kv"),
          room("kernel.vector", "kernel tensor kv").with(VECTORS),
          room("assembler", "memory"),
          room("kernel.emitted", "kernel tensor kv assembler"),
          room(
              "kernel.tier",
              "kernel kernel.scalar kernel.vector kernel.emitted assembler kv tensor"),
          room("model", "tensor"),
          room("gguf", "model tensor"),
          room("synthetic", "model tensor"),
          room("tokenizer", "model"),
          room("json", ""),
          room("grammar.automaton", ""),
          room("grammar.machine", "grammar.automaton tokenizer"),
          room("grammar.regex", "grammar.automaton"),
          room("grammar.schema", "grammar.automaton grammar.machine grammar.regex json"),
          room("grammar.gbnf", "grammar.automaton grammar.machine"),
          room(
              "grammar",
              "grammar.automaton grammar.machine grammar.regex grammar.schema grammar.gbnf"),
          room("template", "json"),
          room("sampling", "kernel tensor"),
          room("network", "kernel kv memory model tensor trace"),
          room("measure", "assembler kernel kv memory model network tensor"),
          // proto
          room("v1", "").with(PROTOBUF, GRPC, REACTOR, STUBS),
          // server
          room("config", "kernel kernel.tier kv"),
          room("catalog", "model gguf synthetic tensor").with(LOG),
          room(
                  "request",
                  "v1 grammar grammar.automaton grammar.machine model tokenizer template sampling"
                      + " kernel")
              .with(PROTOBUF),
          room("engine", "request grammar.machine tokenizer sampling network kernel kv tensor")
              .with(LOG),
          room("pipeline", "engine request sampling").with(REACTOR, LOG),
          room("security", ""),
          room("grpc", "v1 pipeline engine request security template tokenizer sampling model")
              .with(GRPC, PROTOBUF, REACTOR, LOG),
          room(
                  "server",
                  "grpc pipeline engine request security catalog config v1"
                      + " network sampling tokenizer model kernel kernel.tier kv tensor")
              .with(PROTOBUF, LOG),
          // client: never the server, never tensor-core
          room("client", "v1").with(GRPC, PROTOBUF, REACTOR, LOG),
          room("bench", "client v1").with(GRPC, PROTOBUF, REACTOR, LOG, HISTOGRAMS, JSON),
          room("cli", "bench client v1").with(PICOCLI, JLINE, JSON, GRPC, PROTOBUF, REACTOR, LOG),
          // deploy
          room(
                  "distribution",
                  "cli server config catalog request gguf measure network kernel kernel.tier model"
                      + " tensor tokenizer template trace")
              .with(PICOCLI, GRPC, LOG, LOGBACK, JSON));

  private static final JavaClasses HOUSE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.millrace");

  @ParameterizedTest(name = "{0}")
  @FieldSource("ROOMS")
  void aRoomImportsOnlyWhatTheTableAllows(Room room) {
    classes()
        .that()
        .resideInAPackage(packageOf(room.name()))
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(room.allowed().toArray(String[]::new))
        .check(HOUSE);
  }

  @Test
  void theTableHasEveryPackage() {
    Set<String> packages = HOUSE.stream().map(JavaClass::getPackageName).collect(toSet());

    assertThat(ROOMS)
        .extracting(room -> packageOf(room.name()))
        .containsExactlyInAnyOrderElementsOf(packages);
  }

  @Test
  void noRoomImportsFromOneAboveIt() {
    List<String> names = ROOMS.stream().map(Room::name).toList();

    assertThat(ROOMS)
        .allSatisfy(
            room ->
                assertThat(names.subList(0, names.indexOf(room.name()))).containsAll(room.uses()));
  }

  private static Room room(String name, String uses) {
    return new Room(name, uses.isEmpty() ? List.of() : List.of(uses.split(" ")), List.of());
  }

  private static Library library(String... packages) {
    return new Library(List.of(packages));
  }

  private static String packageOf(String room) {
    return "dev.millrace." + room;
  }

  /** What isn't ours, as patterns of packages. */
  record Library(List<String> packages) {}

  /**
   * @param name the package, without dev.millrace
   * @param uses other rooms
   */
  record Room(String name, List<String> uses, List<Library> libraries) {
    Room with(Library... more) {
      return new Room(name, uses, List.of(more));
    }

    /** Patterns of packages, the room's own among them. */
    List<String> allowed() {
      List<String> allowed = new ArrayList<>(JAVA.packages);
      allowed.add(packageOf(name));
      uses.forEach(room -> allowed.add(packageOf(room)));
      libraries.forEach(library -> allowed.addAll(library.packages));
      return allowed;
    }

    @Override
    public String toString() {
      return name;
    }
  }
}

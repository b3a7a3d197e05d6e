using System.Text.Json;

namespace PerfCompare.Agent.Tests;

/// <summary>The examples of every message, shared with the Python tests.</summary>
internal static class Vectors
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "vectors");

    public static IEnumerable<(string Model, JsonElement Value)> Valid() =>
        from file in Files()
        from value in file.GetProperty("valid").EnumerateArray()
        select (file.GetProperty("model").GetString()!, value);

    public static IEnumerable<(string Model, string Why, JsonElement Value)> Invalid() =>
        from file in Files()
        from example in file.GetProperty("invalid").EnumerateArray()
        select (
            file.GetProperty("model").GetString()!,
            example.GetProperty("why").GetString()!,
            example.GetProperty("value"));

    public static IEnumerable<JsonElement> TraceIds() =>
        Read(Path.Combine(Folder, "derived", "trace_ids.json")).EnumerateArray();

    public static IEnumerable<JsonElement> Arrivals() =>
        Read(Path.Combine(Folder, "derived", "arrivals.json")).EnumerateArray();

    private static IEnumerable<JsonElement> Files() =>
        Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal).Select(Read);

    private static JsonElement Read(string path) => JsonElement.Parse(File.ReadAllBytes(path));
}

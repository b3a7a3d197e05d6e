using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PerfCompare.Agent;

/// <summary>
/// Trace and span ids derived from a run, so that agent, backend and exports agree without telling
/// each other. Call 0 is the iteration itself, model calls count from 1.
/// </summary>
internal readonly record struct TraceIds(string TraceId, string SpanId)
{
    private const int TraceIdBytes = 16;
    private const int SpanIdBytes = 8;

    public string TraceParent => $"00-{TraceId}-{SpanId}-01";

    public static TraceIds Derive(string runId, long sequence, int call)
    {
        var iteration = string.Create(CultureInfo.InvariantCulture, $"{runId}:{sequence}");
        return new(
            Hash(iteration, TraceIdBytes),
            Hash(string.Create(CultureInfo.InvariantCulture, $"{iteration}:{call}"), SpanIdBytes));
    }

    private static string Hash(string text, int bytes) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, bytes));
}

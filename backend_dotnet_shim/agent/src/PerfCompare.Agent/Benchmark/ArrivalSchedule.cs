using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>When the calls of an open loop are due, derived alike in every language.</summary>
internal static class ArrivalSchedule
{
    private const int MantissaBits = 53;

    /// <summary>Nanoseconds after the block's start, one for each arrival of the block.</summary>
    public static IEnumerable<long> DueNs(RunParams run, double rate)
    {
        var limit = run.DurationSeconds ?? double.PositiveInfinity;
        var due = 0.0;
        for (var arrival = 0L; arrival < (run.Iterations ?? long.MaxValue) && due < limit;)
        {
            yield return MonotonicClock.Nanoseconds(due);
            arrival++;
            due = run.Arrivals is Arrivals.Poisson
                ? due + GapSeconds(run.ArrivalSeed, arrival, rate)
                : arrival / rate;
        }
    }

    /// <summary>
    /// The gap before an arrival (from 1) of a Poisson process: −ln(1 − u) / rate with u = the first
    /// 53 bits of SHA-256("arrivals:seed:number") / 2⁵³ (inversion of the exponential distribution).
    /// </summary>
    public static double GapSeconds(long seed, long number, double rate)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"arrivals:{seed}:{number}");
        var head = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        var uniform = (head >> (64 - MantissaBits)) / Math.Pow(2, MantissaBits);
        return -Math.Log(1 - uniform) / rate;
    }
}

// The front gate: forecourt, railings, the street by lamplight.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
Daylight(<0.76,0.79,0.84>, <0.34,0.5,0.76>)
#if (PASS != 1)
  plane { y, 0 Surface(Asphalt) }
  box { <-40,0,-7.2>, <40,0.08,-5.6> Surface(Paving) } box { <-40,0,-5.6>, <40,0.02,2> Surface(Gravel) } box { <-40,0,-17>, <40,0.08,-15.6> Surface(Paving) }
  box { <-40,0,-24>, <40,6,-20> Surface(Render) } box { <-40,6,-24.3>, <40,6.2,-19.8> Paint(0.1) }
  #for (i, 0, 8) object { Window(1.4, 1.6, (mod(i*7, 3) = 1 ? 0 : 0.85)) rotate y*180 translate <-16+i*4.4,1.1,-20> } #end
  box { <-40,0,-19.9>, <40,0.7,-19.7> Surface(Brick) } Hedge(<-24,0,-19.2>, <24,0,-19.2>, 0.8, 7, Dark)
  #if (PASS = 0 & LIGHT = 1) light_source { <3.4,4.7,-9.6> rgb <1.6,0.98,0.5>*3 fade_distance 2.6 fade_power 2 area_light x*0.3, z*0.3, 3, 3 adaptive 1 } #end
  union { cylinder { <3.4,0,-7.4>, <3.4,4.8,-7.4>, 0.055 } cylinder { <3.4,0,-7.4>, <3.4,0.9,-7.4>, 0.09 } sphere_sweep { linear_spline 2, <3.4,4.8,-7.4>, 0.045 <3.4,4.95,-8.6>, 0.045 } Surface(Iron) }
  #if (LIGHT = 1) sphere { 0, 1 scale <0.12,0.07,0.28> translate <3.4,4.9,-8.8> Glow(<1,0.72,0.4>*2.4) no_shadow } #else sphere { 0, 1 scale <0.12,0.07,0.28> translate <3.4,4.9,-8.8> Paint(0.6) } #end
  #for (s, 0, 1)
    box { <(s ? 3.4 : -9),0,-5.5>, <(s ? 9 : -2.2),1.4,-5.2> Surface(Brick) } box { <(s ? 3.4 : -9),1.4,-5.53>, <(s ? 9 : -2.2),1.46,-5.17> Surface(Paving) }
    box { <(s ? 3.2 : -2.4),0,-5.65>, <(s ? 3.65 : -1.95),1.9,-5.1> Surface(Brick) } box { <(s ? 3.14 : -2.46),1.9,-5.71>, <(s ? 3.71 : -1.89),2.0,-5.04> Surface(Paving) }
  #end
  union {
    #for (i, 0, 16) cylinder { <-1.9+i*0.32,0.1,-5.35>, <-1.9+i*0.32,1.5,-5.35>, 0.016 } cone { <-1.9+i*0.32,1.5,-5.35>, 0.026, <-1.9+i*0.32,1.6,-5.35>, 0 } #end
    box { <-1.95,1.35,-5.37>, <3.25,1.41,-5.33> } box { <-1.95,0.2,-5.37>, <3.25,0.26,-5.33> } Surface(Iron)
  }
  object { Car(<0.30,0.31,0.33>) rotate y*90 translate <-7.4,0,-14.5> }
  TreeAt(<7.2,0,-3.6>, 5, 1.9, 4, Green) BushAt(<-5.5,0,-4.3>, 0.85, 9, Green) BushAt(<4.8,0,-4.4>, 0.7, 19, Dark)
#end
Figure()
